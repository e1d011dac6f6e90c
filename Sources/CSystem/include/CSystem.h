// What Swift cannot see of the C library: epoll, macros, and variadic functions. No decision is made here.
#ifndef PORTCULLIS_CSYSTEM_H
#define PORTCULLIS_CSYSTEM_H
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/types.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
  CSYSTEM_READABLE = EPOLLIN,
  CSYSTEM_WRITABLE = EPOLLOUT,
  CSYSTEM_ERROR = EPOLLERR,
  CSYSTEM_HANGUP = EPOLLHUP,
  CSYSTEM_PEER_CLOSED = EPOLLRDHUP,
};
static const uint32_t csystem_edge_triggered = (uint32_t)EPOLLET;
static const uint32_t csystem_exclusive = (uint32_t)EPOLLEXCLUSIVE;

typedef struct epoll_event csystem_event;

static inline int csystem_epoll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }

static inline int csystem_epoll_add(int set, int descriptor, uint32_t events, void *context) {
  struct epoll_event event = {.events = events, .data = {.ptr = context}};
  return epoll_ctl(set, EPOLL_CTL_ADD, descriptor, &event);
}

static inline int csystem_epoll_modify(int set, int descriptor, uint32_t events, void *context) {
  struct epoll_event event = {.events = events, .data = {.ptr = context}};
  return epoll_ctl(set, EPOLL_CTL_MOD, descriptor, &event);
}

static inline int csystem_epoll_remove(int set, int descriptor) {
  return epoll_ctl(set, EPOLL_CTL_DEL, descriptor, NULL);
}

static inline uint32_t csystem_event_mask(const csystem_event *events, int index) { return events[index].events; }
static inline void *csystem_event_context(const csystem_event *events, int index) { return events[index].data.ptr; }

static inline void csystem_event_forget(csystem_event *events, int index) { events[index].data.ptr = NULL; }

// As writev(2).
ssize_t csystem_write_both(
    int descriptor, const void *first, size_t first_count, const void *second, size_t second_count);

// Makes the calling thread one that computes and is in no hurry: others go first, in so far as Linux lets them
// (nice(2), sched_setattr(2)). Once for each thread.
void csystem_background_thread(const char *name, int niceness);

// Around each piece of work of such a thread: while others want its processor, it gives it to them after each 0.2 ms of
// its own processor time.
void csystem_background_begin(void);
void csystem_background_end(void);

// A descriptor that is readable once a signal was caught: one for each process. -1 and errno where there is none.
int csystem_signal_counter(void);

// From now on the signal, 1 to 63, is noted instead of doing what it does by default. -1 and errno where that fails.
int csystem_catch_signal(int number);

// The signals caught since the last call, each as the bit of its number.
uint64_t csystem_take_signals(void);

// Asks the processor to have what will be written there ready.
static inline void csystem_prefetch_for_write(const void *place) { __builtin_prefetch(place, 1); }

static inline int csystem_timer_create(void) { return timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK); }

// Fires once at an absolute CLOCK_MONOTONIC time; 0 disarms.
static inline int csystem_timer_set(int descriptor, int64_t nanoseconds) {
  struct itimerspec at = {{0, 0}, {nanoseconds / 1000000000, nanoseconds % 1000000000}};
  return timerfd_settime(descriptor, TFD_TIMER_ABSTIME, &at, NULL);
}

static inline int csystem_stream_socket(int family) {
  return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

int csystem_accept(int descriptor, struct sockaddr_storage *address, socklen_t *length);

static inline int csystem_stream_pair(int descriptors[2]) {
  return socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, descriptors);
}

static inline int csystem_set_option(int descriptor, int level, int name, int value) {
  return setsockopt(descriptor, level, name, &value, sizeof value);
}

// -1 where the descriptor has no such option.
static inline int csystem_get_option(int descriptor, int level, int name) {
  int value = -1;
  socklen_t length = sizeof value;
  return getsockopt(descriptor, level, name, &value, &length) == 0 ? value : -1;
}

static inline int csystem_get_error(int descriptor) {
  int error = 0;
  socklen_t length = sizeof error;
  return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
}

static inline int csystem_bind(int descriptor, const struct sockaddr_storage *address, socklen_t length) {
  return bind(descriptor, (const struct sockaddr *)address, length);
}

static inline int csystem_connect(int descriptor, const struct sockaddr_storage *address, socklen_t length) {
  return connect(descriptor, (const struct sockaddr *)address, length);
}

static inline int csystem_local_address(int descriptor, struct sockaddr_storage *address, socklen_t *length) {
  return getsockname(descriptor, (struct sockaddr *)address, length);
}

static inline ssize_t csystem_send(int descriptor, const void *bytes, size_t count) {
  return send(descriptor, bytes, count, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static inline ssize_t csystem_receive(int descriptor, void *bytes, size_t count) {
  return recv(descriptor, bytes, count, MSG_DONTWAIT);
}

static inline ssize_t csystem_peek(int descriptor, void *bytes, size_t count) {
  return recv(descriptor, bytes, count, MSG_DONTWAIT | MSG_PEEK);
}

static inline int csystem_shutdown_write(int descriptor) { return shutdown(descriptor, SHUT_WR); }

// Bytes that were sent and that the peer's system has not acknowledged; -1 where it is not known. Of an AF_UNIX socket
// it is not: SIOCOUTQ says what memory they take, and of pieces that were read in part all of it.
static inline int csystem_unacknowledged(int descriptor) {
  int domain = 0;
  socklen_t length = sizeof domain;
  if (getsockopt(descriptor, SOL_SOCKET, SO_DOMAIN, &domain, &length) != 0 || domain == AF_UNIX) return -1;
  int count = 0;
  return ioctl(descriptor, SIOCOUTQ, &count) == 0 ? count : -1;
}

// Closes with RST, so that the peer sees an abort and not an end.
static inline int csystem_abort(int descriptor) {
  struct linger linger = {1, 0};
  return setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

// What strerror says of `code`, into `text`.
void csystem_error_text(int code, char *text, size_t size);

// The text form of a stored address into `text` (at least INET6_ADDRSTRLEN bytes); its length, 0 where there is none.
int csystem_address_text(const struct sockaddr_storage *address, char *text, size_t size);
// Parses an IPv4 or IPv6 literal; the length of the address, 0 where it is none.
socklen_t csystem_internet_address(int family, const char *text, uint16_t port, struct sockaddr_storage *address);
socklen_t csystem_unix_address(const char *path, struct sockaddr_storage *address);
// The path of a stored unix address, an abstract name with `@`, into `text` (at least 110 bytes); its length.
int csystem_unix_path(const struct sockaddr_storage *address, socklen_t length, char *text);
// Sends one datagram to a unix socket; a name that begins with `@` is abstract.
int csystem_send_datagram(const char *path, const void *bytes, size_t count);
uint16_t csystem_port(const struct sockaddr_storage *address);
// The addresses of a host's name with that port, at most `capacity` of them; how many. Where there are none, -1 and why
// in `error` (`csystem_lookup_error_text`). Blocks.
int csystem_lookup(
  const char *name, uint16_t port, struct sockaddr_storage *addresses, socklen_t *lengths, int capacity, int *error);
// What gai_strerror says of it; lives as long as the process.
const char *csystem_lookup_error_text(int error);

static inline int64_t csystem_now(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

// The entry of the environment at `index`, NULL behind the last.
const char *csystem_environment_entry(int index);

static inline int csystem_close_on_exec(int descriptor) { return fcntl(descriptor, F_SETFD, FD_CLOEXEC); }

// The number of the pipe that an open descriptor is an end of; 0 where it is none.
uint64_t csystem_pipe_number(int descriptor);

static inline int csystem_set_nonblocking(int descriptor) {
  int flags = fcntl(descriptor, F_GETFL);
  return flags < 0 ? -1 : fcntl(descriptor, F_SETFL, flags | O_NONBLOCK);
}

// A copy with a number of at least `lowest`.
static inline int csystem_duplicate(int descriptor, int lowest) { return fcntl(descriptor, F_DUPFD_CLOEXEC, lowest); }

int csystem_pipe(int descriptors[2]);

// Reads once something has come or the other end was closed; -1 with ETIMEDOUT when that took too long.
ssize_t csystem_read_within(int descriptor, void *bytes, size_t count, int milliseconds);

// Starts a program that is no child of this process, with `descriptors` numbered from `first` on, the standard streams,
// and no other descriptor. The numbers must lie above those that they get. `handle` is a descriptor that stands for the
// process (pidfd_open(2)): `pid` may be another's once it has ended. An error number, or 0.
int csystem_spawn_detached(
  const char *program, char *const arguments[], char *const environment[], const int *descriptors, int count, int first,
  pid_t *pid, int *handle);

// Whether the process has ended; waits for it, where it has not.
int csystem_ends_within(int handle, int milliseconds);

// Nothing where it has ended.
void csystem_signal_process(int handle, int number);

// Whether one block of memory stands anywhere in another.
int csystem_contains(const void *bytes, size_t count, const void *part, size_t part_count);

// The processors that this process may run on.
int csystem_processor_count(void);

// Writing waits, and opening does not: ENXIO where the path is a pipe that nobody reads.
static inline int csystem_open_log(const char *path) {
  int descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_CLOEXEC, 0640);
  if (descriptor >= 0) (void)fcntl(descriptor, F_SETFL, O_APPEND);
  return descriptor;
}

// Opens /dev/null as each of the three standard streams that is closed: a new descriptor is the lowest one that is free.
// A bit for each of them: 1 << 1 for standard output.
static inline int csystem_open_missing_streams(void) {
  int missing = 0;
  for (int stream = 0; stream <= 2; stream++) {
    if (fcntl(stream, F_GETFD) >= 0 || errno != EBADF) continue;
    (void)open("/dev/null", O_RDWR);
    missing |= 1 << stream;
  }
  return missing;
}

// Whether there is a regular file that ends inside a line.
static inline int csystem_ends_inside_line(const char *path) {
  int descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (descriptor < 0) return 0;
  struct stat status;
  char last = '\n';
  if (fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0) {
    (void)!pread(descriptor, &last, 1, status.st_size - 1);
  }
  close(descriptor);
  return last != '\n';
}

static inline int csystem_open_blocking(const char *path) { return open(path, O_RDONLY | O_CLOEXEC); }

// Does not wait for the other end of a pipe.
static inline int csystem_open_reading(const char *path) { return open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); }

// Holds a lock on a folder, or a file, until the descriptor is closed; waits so long for whoever else does. Anybody can
// who may open it: -1 and EWOULDBLOCK.
static inline int csystem_open_locked(const char *path, int milliseconds) {
  int descriptor = open(path, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return -1;
  int result;
  while ((result = flock(descriptor, LOCK_EX | LOCK_NB)) != 0 && (errno == EINTR || errno == EWOULDBLOCK)) {
    if (milliseconds <= 0) break;
    usleep(10000);
    milliseconds -= 10;
  }
  if (result == 0) return descriptor;
  int code = errno;
  close(descriptor);
  errno = code;
  return -1;
}

// Reads a line of a terminal that does not show it, at most `size` bytes and without its end. The terminal is as before
// when this returns, and when a signal ends the process meanwhile. -1 and errno where it fails.
ssize_t csystem_read_unseen(int terminal, unsigned char *bytes, size_t size);

// A new file that its owner alone may read; an error where the name is taken.
static inline int csystem_create_private(const char *path) {
  return open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

// Follows no link.
static inline int csystem_open_folder(const char *path) {
  return open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

// Raises the descriptor limit to its hard maximum; the limit in force.
uint64_t csystem_raise_descriptor_limit(void);

// Lets the heap grow in larger steps: by default each further 128 KiB is a system call.
void csystem_grow_heap_in_steps(int bytes);

// No core file, and no attaching by other processes of the user: memory holds tokens and keys.
int csystem_forbid_core_dumps(void);

#endif
