// Counts heap allocations and reference counting of a Swift process. Preloaded:
//
//   COUNTS_FILE=/path LD_PRELOAD=counts.so portcullis serve …
//
// The file holds three 64-bit counters, in the machine's byte order, that move while the process runs: allocations,
// retains, releases. Whoever reads it before and after a number of requests knows what one costs.
#define _GNU_SOURCE 1
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { ALLOCATIONS, RETAINS, RELEASES, COUNTERS };

static _Atomic uint64_t before_mapping[COUNTERS];
static _Atomic uint64_t *counters = before_mapping;

static inline void count(int which) { atomic_fetch_add_explicit(&counters[which], 1, memory_order_relaxed); }

__attribute__((constructor)) static void map_counters(void) {
  const char *path = getenv("COUNTS_FILE");
  if (!path) return;
  int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0 || ftruncate(file, sizeof before_mapping) != 0) return;
  void *mapped = mmap(NULL, sizeof before_mapping, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (mapped != MAP_FAILED) counters = mapped;
}

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

void *malloc(size_t size) {
  count(ALLOCATIONS);
  return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
  count(ALLOCATIONS);
  return __libc_calloc(number, size);
}

void *realloc(void *block, size_t size) {
  count(ALLOCATIONS);
  return __libc_realloc(block, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
  count(ALLOCATIONS);
  return __libc_memalign(alignment, size);
}

int posix_memalign(void **block, size_t alignment, size_t size) {
  count(ALLOCATIONS);
  *block = __libc_memalign(alignment, size);
  return *block ? 0 : 12;
}

// The runtime's functions may keep more registers than C does; preserve_most keeps at least as many as either.
#define COUNTED(name, which, result)                              \
  __attribute__((preserve_most)) result name(void *object) {      \
    static result (*next)(void *);                                \
    if (!next) next = (result(*)(void *))dlsym(RTLD_NEXT, #name); \
    count(which);                                                 \
    return next(object);                                          \
  }

COUNTED(swift_retain, RETAINS, void *)
COUNTED(swift_bridgeObjectRetain, RETAINS, void *)
COUNTED(swift_release, RELEASES, void)
COUNTED(swift_bridgeObjectRelease, RELEASES, void)
