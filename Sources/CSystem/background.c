#define _GNU_SOURCE 1
#include "CSystem.h"
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

// A thread that only computes keeps the processor until a clock tick, up to 4 ms, where the loops have had their share.
// So while it has less than all of a processor, it gives it away after each short slice. That costs a signal for each,
// and a processor that nobody else wants is looked after seldom; whoever wakes up and has not had its share goes first
// by itself there, as a thread that asks the scheduler for long slices is asked to wait for those that do not.

enum { MICROSECOND = 1000, MILLISECOND = 1000000 };

static const int64_t slice_where_wanted = 200 * MICROSECOND;
static const int64_t look_where_alone = 2 * MILLISECOND;
static const int looks_alone_enough = 10;
static const uint64_t scheduler_slice_where_wanted = 100 * MICROSECOND;
static const uint64_t scheduler_slice_where_alone = 3 * MILLISECOND;

static _Thread_local struct {
  int niceness, is_computing, is_wanted, looks_alone;
  timer_t timer;
  // The thread's processor time when it last gave the processor away; both times when it last looked at its share.
  int64_t gave_at, looked_at_computed, looked_at;
} self;

static void ask_scheduler(void) {
  // As in sched_setattr(2): older C libraries do not declare it. Kernels before 6.12 pass over the slice.
  struct {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
  } attributes = {.size = sizeof attributes, .policy = SCHED_OTHER, .nice = self.niceness};
  attributes.runtime = self.is_wanted ? scheduler_slice_where_wanted : scheduler_slice_where_alone;
  if (syscall(SYS_sched_setattr, 0, &attributes, 0U) != 0) setpriority(PRIO_PROCESS, 0, self.niceness);
}

static void set_timer(void) {
  struct timespec time = {.tv_nsec = self.is_wanted ? slice_where_wanted : look_where_alone};
  struct itimerspec each = {time, time};
  timer_settime(self.timer, 0, &each, NULL);
}

// Whether others want this processor: over the last milliseconds this thread had less of it than it could use.
static void look_at_share(int64_t computed) {
  int64_t now = csystem_now(CLOCK_MONOTONIC);
  int64_t passed = now - self.looked_at, had = computed - self.looked_at_computed;
  if (passed < look_where_alone - look_where_alone / 5) return;
  int is_wanted = had * 10 < passed * (self.is_wanted ? 8 : 6);
  self.looked_at = now;
  self.looked_at_computed = computed;
  // One look that finds nobody says little: turns may be longer than what lies between two.
  self.looks_alone = is_wanted ? 0 : self.looks_alone + 1;
  if (is_wanted == self.is_wanted || (self.is_wanted && self.looks_alone < looks_alone_enough)) return;
  self.is_wanted = is_wanted;
  ask_scheduler();
  set_timer();
}

// No call here takes a lock.
static void end_slice(int number) {
  (void)number;
  if (!self.is_computing) return;
  int code = errno;
  int64_t computed = csystem_now(CLOCK_THREAD_CPUTIME_ID);
  look_at_share(computed);
  // The timer fires while the thread waits for the processor too, which must not cost it its turn.
  if (self.is_wanted && computed - self.gave_at >= slice_where_wanted - slice_where_wanted / 5) {
    sched_yield();
    self.gave_at = computed;
  }
  errno = code;
}

void csystem_background_thread(const char *name, int niceness) {
  prctl(PR_SET_NAME, name);
  self.niceness = niceness;
  ask_scheduler();
}

void csystem_background_begin(void) {
  // SIGURG: ignored by default, so that nothing happens should one come late.
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = end_slice;
  action.sa_flags = SA_RESTART;
  sigset_t mask;
  sigemptyset(&mask);
  sigaddset(&mask, SIGURG);
  struct sigevent event;
  memset(&event, 0, sizeof event);
  event.sigev_notify = SIGEV_THREAD_ID;
  event.sigev_signo = SIGURG;
  event.sigev_notify_thread_id = (pid_t)syscall(SYS_gettid);
  if (sigaction(SIGURG, &action, NULL) != 0 || pthread_sigmask(SIG_UNBLOCK, &mask, NULL) != 0) return;
  if (timer_create(CLOCK_MONOTONIC, &event, &self.timer) != 0) return;
  self.gave_at = self.looked_at_computed = csystem_now(CLOCK_THREAD_CPUTIME_ID);
  self.looked_at = csystem_now(CLOCK_MONOTONIC);
  self.is_computing = 1;
  set_timer();
}

void csystem_background_end(void) {
  if (!self.is_computing) return;
  self.is_computing = 0;
  timer_delete(self.timer);
}
