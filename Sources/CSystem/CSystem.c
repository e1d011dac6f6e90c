#define _GNU_SOURCE 1
#include "CSystem.h"
#include <arpa/inet.h>
#include <malloc.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <termios.h>

// The XSI strerror_r, which glibc hides where _GNU_SOURCE is set.
extern int __xpg_strerror_r(int code, char *text, size_t size);

void csystem_error_text(int code, char *text, size_t size) {
  if (__xpg_strerror_r(code, text, size) != 0) snprintf(text, size, "error %d", code);
}

int csystem_address_text(const struct sockaddr_storage *address, char *text, size_t size) {
  const void *bytes;
  if (address->ss_family == AF_INET) {
    bytes = &((const struct sockaddr_in *)address)->sin_addr;
  } else if (address->ss_family == AF_INET6) {
    const struct in6_addr *in6 = &((const struct sockaddr_in6 *)address)->sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(in6)) {
      if (!inet_ntop(AF_INET, &in6->s6_addr[12], text, (socklen_t)size)) return 0;
      return (int)strlen(text);
    }
    bytes = in6;
  } else {
    return 0;
  }
  if (!inet_ntop(address->ss_family, bytes, text, (socklen_t)size)) return 0;
  return (int)strlen(text);
}

socklen_t csystem_internet_address(int family, const char *text, uint16_t port, struct sockaddr_storage *address) {
  memset(address, 0, sizeof *address);
  if (family == AF_INET) {
    struct sockaddr_in *in = (struct sockaddr_in *)address;
    in->sin_family = AF_INET;
    in->sin_port = htons(port);
    return inet_pton(AF_INET, text, &in->sin_addr) == 1 ? (socklen_t)sizeof *in : 0;
  }
  struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)address;
  in6->sin6_family = AF_INET6;
  in6->sin6_port = htons(port);
  return inet_pton(AF_INET6, text, &in6->sin6_addr) == 1 ? (socklen_t)sizeof *in6 : 0;
}

socklen_t csystem_unix_address(const char *path, struct sockaddr_storage *address) {
  memset(address, 0, sizeof *address);
  struct sockaddr_un *un = (struct sockaddr_un *)address;
  size_t length = strlen(path);
  if (length == 0 || length >= sizeof un->sun_path) return 0;
  un->sun_family = AF_UNIX;
  memcpy(un->sun_path, path, length + 1);
  return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + 1);
}

int csystem_unix_path(const struct sockaddr_storage *address, socklen_t length, char *text) {
  const struct sockaddr_un *un = (const struct sockaddr_un *)address;
  socklen_t offset = (socklen_t)offsetof(struct sockaddr_un, sun_path);
  if (address->ss_family != AF_UNIX || length <= offset || length > sizeof *un) return 0;
  size_t count = length - offset;
  memcpy(text, un->sun_path, count);
  if (text[0] == 0) {
    text[0] = '@';
    return (int)count;
  }
  return (int)strnlen(text, count);
}

int csystem_lookup(
  const char *name, uint16_t port, struct sockaddr_storage *addresses, socklen_t *lengths, int capacity, int *error) {
  // AI_ADDRCONFIG: no IPv6 addresses on a machine that has none itself, and the same of IPv4.
  struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
  struct addrinfo *list = NULL;
  *error = getaddrinfo(name, NULL, &hints, &list);
  if (*error != 0) return -1;
  int count = 0;
  for (const struct addrinfo *entry = list; entry && count < capacity; entry = entry->ai_next) {
    if (entry->ai_addrlen > sizeof addresses[count]) continue;
    memset(&addresses[count], 0, sizeof addresses[count]);
    memcpy(&addresses[count], entry->ai_addr, entry->ai_addrlen);
    if (entry->ai_family == AF_INET) {
      ((struct sockaddr_in *)&addresses[count])->sin_port = htons(port);
    } else if (entry->ai_family == AF_INET6) {
      ((struct sockaddr_in6 *)&addresses[count])->sin6_port = htons(port);
    } else {
      continue;
    }
    lengths[count] = entry->ai_addrlen;
    count++;
  }
  freeaddrinfo(list);
  if (count > 0) return count;
  *error = EAI_NONAME;
  return -1;
}

const char *csystem_lookup_error_text(int error) { return gai_strerror(error); }

uint16_t csystem_port(const struct sockaddr_storage *address) {
  if (address->ss_family == AF_INET) return ntohs(((const struct sockaddr_in *)address)->sin_port);
  if (address->ss_family == AF_INET6) return ntohs(((const struct sockaddr_in6 *)address)->sin6_port);
  return 0;
}

int csystem_send_datagram(const char *path, const void *bytes, size_t count) {
  struct sockaddr_storage address;
  socklen_t length = csystem_unix_address(path, &address);
  if (length == 0) {
    errno = ENAMETOOLONG;
    return -1;
  }
  if (path[0] == '@') {
    // An abstract name begins with NUL and does not end with one.
    ((struct sockaddr_un *)&address)->sun_path[0] = 0;
    length -= 1;
  }
  int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return -1;
  ssize_t sent = sendto(descriptor, bytes, count, MSG_NOSIGNAL, (const struct sockaddr *)&address, length);
  close(descriptor);
  return sent < 0 ? -1 : 0;
}

extern char **environ;

const char *csystem_environment_entry(int index) { return environ ? environ[index] : NULL; }

int csystem_contains(const void *bytes, size_t count, const void *part, size_t part_count) {
  return memmem(bytes, count, part, part_count) != NULL;
}

int csystem_processor_count(void) {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return CPU_COUNT(&set);
}

int csystem_accept(int descriptor, struct sockaddr_storage *address, socklen_t *length) {
  return accept4(descriptor, (struct sockaddr *)address, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

uint64_t csystem_raise_descriptor_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  if (limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    (void)getrlimit(RLIMIT_NOFILE, &limit);
  }
  return limit.rlim_cur;
}

void csystem_grow_heap_in_steps(int bytes) { (void)mallopt(M_TOP_PAD, bytes); }

int csystem_forbid_core_dumps(void) {
  struct rlimit none = {0, 0};
  if (setrlimit(RLIMIT_CORE, &none) != 0) return -1;
  return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

int csystem_pipe(int descriptors[2]) { return pipe2(descriptors, O_CLOEXEC); }

ssize_t csystem_read_within(int descriptor, void *bytes, size_t count, int milliseconds) {
  struct pollfd polled = {.fd = descriptor, .events = POLLIN};
  int ready = poll(&polled, 1, milliseconds);
  if (ready > 0) return read(descriptor, bytes, count);
  if (ready == 0) errno = ETIMEDOUT;
  return -1;
}

uint64_t csystem_pipe_number(int descriptor) {
  struct stat status;
  return fstat(descriptor, &status) == 0 && S_ISFIFO(status.st_mode) ? status.st_ino : 0;
}

int csystem_ends_within(int handle, int milliseconds) {
  struct pollfd polled = {.fd = handle, .events = POLLIN};
  return poll(&polled, 1, milliseconds) > 0;
}

void csystem_signal_process(int handle, int number) { (void)syscall(SYS_pidfd_send_signal, handle, number, NULL, 0); }

// What the process in between says of the one that it has started.
struct started {
  int error;
  pid_t pid;
};

// A process whose parent has ended is given to the service manager: one that ends at once comes in between.
static int spawn_between(
  const char *program, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes,
  char *const arguments[], char *const environment[], pid_t *pid, int *handle) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return errno;
  pid_t between = fork();
  if (between == 0) {
    // No thread but this one was copied: what follows takes no lock that another may have held.
    struct started started = {0};
    char byte;
    close(ends[0]);
    started.error = posix_spawnp(&started.pid, program, actions, attributes, arguments, environment);
    // While this process is there no other gets the number of its child, even where that has ended.
    if (send(ends[1], &started, sizeof started, MSG_NOSIGNAL) == sizeof started) (void)recv(ends[1], &byte, 1, 0);
    _exit(0);
  }
  struct started started = {.error = between < 0 ? errno : 0};
  close(ends[1]);
  if (between > 0) {
    ssize_t count;
    do count = recv(ends[0], &started, sizeof started, 0);
    while (count < 0 && errno == EINTR);
    if (count != sizeof started) started.error = ECHILD;
  }
  if (started.error == 0) {
    *pid = started.pid;
    *handle = (int)syscall(SYS_pidfd_open, started.pid, 0);
    if (*handle < 0) {
      started.error = errno;
      kill(started.pid, SIGKILL);
    }
  }
  close(ends[0]);
  if (between > 0) {
    while (waitpid(between, NULL, 0) < 0 && errno == EINTR) continue;
  }
  return started.error;
}

int csystem_spawn_detached(
  const char *program, char *const arguments[], char *const environment[], const int *descriptors, int count, int first,
  pid_t *pid, int *handle) {
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_t actions;
  int error = posix_spawnattr_init(&attributes);
  if (error != 0) return error;
  error = posix_spawn_file_actions_init(&actions);
  if (error != 0) {
    posix_spawnattr_destroy(&attributes);
    return error;
  }
  // Signals that are ignored here would stay ignored.
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  error = posix_spawnattr_setsigmask(&attributes, &none);
  if (error == 0) error = posix_spawnattr_setsigdefault(&attributes, &all);
  if (error == 0) error = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  for (int index = 0; error == 0 && index < count; index++) {
    error = posix_spawn_file_actions_adddup2(&actions, descriptors[index], first + index);
  }
  // Libraries open descriptors that an exec does not close.
  if (error == 0) error = posix_spawn_file_actions_addclosefrom_np(&actions, first + count);
  if (error == 0) error = spawn_between(program, &actions, &attributes, arguments, environment, pid, handle);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  return error;
}

static volatile sig_atomic_t caught_signal;

static void note_signal(int number) { caught_signal = number; }

ssize_t csystem_read_unseen(int terminal, unsigned char *bytes, size_t size) {
  static const int numbers[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};
  enum { COUNT = sizeof numbers / sizeof *numbers };
  struct termios before, unseen;
  if (tcgetattr(terminal, &before) != 0) return -1;
  struct sigaction noting, previous[COUNT];
  sigset_t blocked, mask;
  memset(&noting, 0, sizeof noting);
  noting.sa_handler = note_signal;
  sigemptyset(&blocked);
  caught_signal = 0;
  for (int i = 0; i < COUNT; i++) sigaddset(&blocked, numbers[i]);
  // They come while ppoll waits and at no other time: none is missed.
  sigprocmask(SIG_BLOCK, &blocked, &mask);
  for (int i = 0; i < COUNT; i++) sigaction(numbers[i], &noting, &previous[i]);
  unseen = before;
  unseen.c_lflag &= ~(tcflag_t)ECHO;
  unseen.c_lflag |= ECHONL | ICANON;
  ssize_t count = tcsetattr(terminal, TCSAFLUSH, &unseen) == 0 ? 0 : -1;
  while (count >= 0) {
    struct pollfd input = {.fd = terminal, .events = POLLIN};
    unsigned char byte;
    ssize_t received = ppoll(&input, 1, NULL, &mask) < 0 ? -1 : read(terminal, &byte, 1);
    if (received < 0) {
      if (errno == EINTR && !caught_signal) continue;
      count = -1;
    } else if (received == 0 || byte == '\n') {
      break;
    } else if ((size_t)count == size) {
      errno = EMSGSIZE;
      count = -1;
    } else {
      bytes[count++] = byte;
    }
  }
  int code = errno;
  tcsetattr(terminal, TCSAFLUSH, &before);
  for (int i = 0; i < COUNT; i++) sigaction(numbers[i], &previous[i], NULL);
  if (caught_signal) raise(caught_signal);
  sigprocmask(SIG_SETMASK, &mask, NULL);
  errno = code;
  return count;
}

ssize_t csystem_write_both(
    int descriptor, const void *first, size_t first_count, const void *second, size_t second_count) {
  struct iovec pieces[2] = {{(void *)first, first_count}, {(void *)second, second_count}};
  return writev(descriptor, pieces, 2);
}
