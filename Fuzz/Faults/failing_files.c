// A file layer that fails: preloaded, it makes the n-th call of one kind on a file fail, or ends the process there.
//
//   ESPALIER_FAIL=KIND:N:HOW   KIND: write fsync rename close open mkdir truncate unlink; N from 1;
//                              HOW: an errno as a number, "short" (half is written, then the disk is full),
//                              "kill" (the process ends before the call)
//   ESPALIER_FAIL_COUNT=FILE   adds the number of calls of each kind to FILE at the end
//
// Only what changes a disk counts: descriptors of regular files and folders that were opened for writing, files that
// are made, and names. Standard output and error are left alone.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum kind { WRITE, FSYNC, RENAME, CLOSE, OPEN, MKDIR, TRUNCATE, UNLINK, KINDS };
static const char *const names[KINDS] = {"write", "fsync", "rename", "close", "open", "mkdir", "truncate", "unlink"};
static atomic_int calls[KINDS];
static int wanted = -1, wanted_call, error_number, is_short, is_kill;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void read_wishes(void) {
  const char *text = getenv("ESPALIER_FAIL");
  if (!text) return;
  char kind[16], how[16];
  if (sscanf(text, "%15[a-z]:%d:%15s", kind, &wanted_call, how) != 3) abort();
  for (int k = 0; k < KINDS; k++)
    if (!strcmp(kind, names[k])) wanted = k;
  if (wanted < 0) abort();
  is_short = !strcmp(how, "short");
  is_kill = !strcmp(how, "kill");
  error_number = is_short ? ENOSPC : atoi(how);
}

static void tell(void) {
  const char *path = getenv("ESPALIER_FAIL_COUNT");
  if (!path) return;
  int file = REAL(open)(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
  for (int k = 0; file >= 0 && k < KINDS; k++) {
    char line[64];
    int length = snprintf(line, sizeof line, "%s %d\n", names[k], atomic_load(&calls[k]));
    if (REAL(write)(file, line, length) != length) abort();
  }
  if (file >= 0) REAL(close)(file);
}
__attribute__((destructor)) static void at_end(void) { tell(); }
void _exit(int code) {
  tell();
  REAL(_exit)(code);
  __builtin_unreachable();
}

// Whether this call is the one that fails.
static int fails(enum kind kind) {
  int call = atomic_fetch_add(&calls[kind], 1) + 1;
  if ((int)kind != wanted || call != wanted_call) return 0;
  if (is_kill) REAL(_exit)(137);
  errno = error_number;
  return 1;
}

// Files and folders on a disk, but for the standard streams; what was opened to be read only matters to fsync.
static int counts(int descriptor, int for_writing) {
  struct stat status;
  if (descriptor <= 2 || fstat(descriptor, &status) != 0) return 0;
  if (for_writing && (fcntl(descriptor, F_GETFL) & O_ACCMODE) == O_RDONLY) return 0;
  return S_ISREG(status.st_mode) || (!for_writing && S_ISDIR(status.st_mode));
}

ssize_t write(int descriptor, const void *bytes, size_t count) {
  if (counts(descriptor, 1) && fails(WRITE)) {
    if (is_short && count > 1) {
      wanted_call++;
      return REAL(write)(descriptor, bytes, count / 2);
    }
    return -1;
  }
  return REAL(write)(descriptor, bytes, count);
}
ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t at) {
  if (counts(descriptor, 1) && fails(WRITE)) return -1;
  return REAL(pwrite)(descriptor, bytes, count, at);
}
int fsync(int descriptor) {
  if (counts(descriptor, 0) && fails(FSYNC)) return -1;
  return REAL(fsync)(descriptor);
}
int fdatasync(int descriptor) {
  if (counts(descriptor, 0) && fails(FSYNC)) return -1;
  return REAL(fdatasync)(descriptor);
}
int ftruncate(int descriptor, off_t length) {
  if (counts(descriptor, 1) && fails(TRUNCATE)) return -1;
  return REAL(ftruncate)(descriptor, length);
}
int close(int descriptor) {
  // The descriptor is gone after a failed close, as on Linux.
  if (counts(descriptor, 1) && fails(CLOSE)) {
    int code = errno;
    REAL(close)(descriptor);
    errno = code;
    return -1;
  }
  return REAL(close)(descriptor);
}
int rename(const char *from, const char *to) { return fails(RENAME) ? -1 : REAL(rename)(from, to); }
int renameat(int a, const char *from, int b, const char *to) {
  return fails(RENAME) ? -1 : REAL(renameat)(a, from, b, to);
}
int renameat2(int a, const char *from, int b, const char *to, unsigned flags) {
  return fails(RENAME) ? -1 : REAL(renameat2)(a, from, b, to, flags);
}
int link(const char *from, const char *to) { return fails(RENAME) ? -1 : REAL(link)(from, to); }
int unlink(const char *path) { return fails(UNLINK) ? -1 : REAL(unlink)(path); }
int rmdir(const char *path) { return fails(UNLINK) ? -1 : REAL(rmdir)(path); }
int mkdir(const char *path, mode_t mode) { return fails(MKDIR) ? -1 : REAL(mkdir)(path, mode); }

static int open_counted(const char *path, int flags, mode_t mode) {
  if ((flags & O_CREAT) && fails(OPEN)) return -1;
  return REAL(open)(path, flags, mode);
}
int open(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return open_counted(path, flags, mode);
}
int open64(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return open_counted(path, flags, mode);
}
int openat(int folder, const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  if ((flags & O_CREAT) && fails(OPEN)) return -1;
  return REAL(openat)(folder, path, flags, mode);
}
