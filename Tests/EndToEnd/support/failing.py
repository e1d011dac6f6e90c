"""Functions of the system's libraries that fail while a test wants them to."""
import shutil
import subprocess

import pytest

SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

static int fails(const char *name) {
  const char *folder = getenv("FAILING");
  char path[4096];
  int before = errno;
  snprintf(path, sizeof path, "%s/%s", folder ? folder : "", name);
  int is_there = access(path, F_OK) == 0;
  errno = before;
  return is_there;
}

#define FUNCTION(type, failure, name, parameters, arguments)   \
  type name parameters {                                       \
    static type(*real) parameters;                             \
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, #name);      \
    return fails(#name) ? failure : real arguments;            \
  }

FUNCTION(int, 0, RAND_bytes, (unsigned char *bytes, int count), (bytes, count))
FUNCTION(int, 0, EVP_Digest,
         (const void *data, size_t count, unsigned char *digest, unsigned *size, const void *type, void *engine),
         (data, count, digest, size, type, engine))
FUNCTION(int, 0, EVP_DigestInit_ex2, (void *context, const void *type, const void *parameters),
         (context, type, parameters))
FUNCTION(int, 0, EVP_PKEY_verify_init, (void *context), (context))
FUNCTION(int, 0, EVP_DigestSign,
         (void *context, unsigned char *signature, size_t *size, const unsigned char *message, size_t count),
         (context, signature, size, message, count))
FUNCTION(int, 0, EVP_CipherInit_ex,
         (void *context, const void *type, void *engine, const unsigned char *key, const unsigned char *nonce, int way),
         (context, type, engine, key, nonce, way))

// Of client connections alone: what is registered as a gateway starts comes before a test has it fail.
int epoll_ctl(int epoll, int operation, int descriptor, struct epoll_event *event) {
  static int (*real)(int, int, int, struct epoll_event *);
  if (!real) *(void **)&real = dlsym(RTLD_NEXT, "epoll_ctl");
  if (operation == EPOLL_CTL_ADD && fails("epoll_ctl")) {
    errno = ENOSPC;
    return -1;
  }
  return real(epoll, operation, descriptor, event);
}
"""


class Failing:
    """`env` is for a program; `failing["NAME"]` has a function fail in it from now on, until `mend`."""

    def __init__(self, folder):
        compiler = shutil.which("cc") or shutil.which("clang")
        if compiler is None:
            pytest.skip("needs a C compiler")
        (folder / "failing.c").write_text(SHIM)
        library, self.folder = folder / "failing.so", folder / "failing"
        self.folder.mkdir()
        subprocess.run([compiler, "-shared", "-fPIC", "-o", library, folder / "failing.c", "-ldl"], check=True)
        self.env = {"LD_PRELOAD": str(library), "FAILING": str(self.folder)}

    def fail(self, name):
        (self.folder / name).touch()
        return self

    def mend(self, name):
        (self.folder / name).unlink()
