#include "CSystem.h"
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

_Static_assert(
  ATOMIC_INT_LOCK_FREE == 2 && ATOMIC_LLONG_LOCK_FREE == 2, "a signal handler may use atomics that take no lock");

// None before signals can be handled: what is caught until then waits for the first look.
static _Atomic int counter = -1;
static _Atomic uint64_t caught;

static void catch_signal(int number) {
  int code = errno;
  atomic_fetch_or(&caught, UINT64_C(1) << number);
  uint64_t one = 1;
  int descriptor = atomic_load(&counter);
  // It fails only where the counter is full, and then the reader is being woken.
  if (descriptor >= 0) (void)!write(descriptor, &one, sizeof one);
  errno = code;
}

int csystem_signal_counter(void) { return counter = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

int csystem_catch_signal(int number) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = catch_signal;
  action.sa_flags = SA_RESTART;
  sigfillset(&action.sa_mask);
  return sigaction(number, &action, NULL);
}

uint64_t csystem_take_signals(void) {
  uint64_t count;
  (void)!read(counter, &count, sizeof count);
  return atomic_exchange(&caught, 0);
}
