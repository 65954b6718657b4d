/* Below the file calls of a process: counts every change of a folder, and at one of them kills the
 * process, reports a full disk, or writes all changes into a journal.
 *
 * Loaded with LD_PRELOAD, so that it sees what Python, SQLite, FFmpeg and Arrow do. It does nothing
 * until fault_arm is called. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { OFF, COUNT, KILL, FULL, RECORD };

static char root[PATH_MAX];
static size_t root_length;
static int mode = OFF, journal = -1;
static long acts, limit;
static pthread_mutex_t mutex = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;

#define REAL(name) ((__typeof__(&name))real(#name))

static void *real(const char *name) {
    void *symbol = dlsym(RTLD_NEXT, name);
    if (!symbol) abort();
    return symbol;
}

/* The path of a call as an absolute one; 0 if it is not below the root. */
static int resolve(int folder, const char *path, char *out) {
    if (mode == OFF || !path) return 0;
    size_t length = 0;
    if (path[0] != '/') {
        char link[64];
        snprintf(link, sizeof link, folder == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", folder);
        ssize_t size = readlink(link, out, PATH_MAX - 1);
        if (size < 0) return 0;
        length = (size_t)size;
        out[length++] = '/';
    }
    if (length + strlen(path) >= PATH_MAX) return 0;
    strcpy(out + length, path);
    return !strncmp(out, root, root_length) && (out[root_length] == '/' || !out[root_length]);
}

/* The path of an open file; 0 if it is not below the root. */
static int path_of(int file, char *out) {
    if (mode == OFF || file < 0 || file == journal) return 0;
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t size = readlink(link, out, PATH_MAX - 1);
    if (size < 0) return 0;
    out[size] = 0;
    return !strncmp(out, root, root_length) && out[root_length] == '/';
}

/* Count an act. 0: go on. 1: the disk becomes full with this act. 2: it is full. */
static int enter(void) {
    long number = __atomic_fetch_add(&acts, 1, __ATOMIC_SEQ_CST);
    if (mode == KILL && number == limit) return 1;
    if (mode == FULL && number >= limit) return number == limit ? 1 : 2;
    return 0;
}

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

/* For an act that is done wholly or not at all: whether it fails for want of space. */
static int refused(int needs_space) {
    int state = enter();
    if (mode == KILL && state) die();
    if (mode == FULL && state && needs_space) {
        errno = ENOSPC;
        return 1;
    }
    return 0;
}

/* For a write of `size` bytes: how many of them still go onto the disk, -1 for a refusal. */
static ssize_t allowed(size_t size) {
    int state = enter();
    if (!state) return (ssize_t)size;
    if (mode == FULL && (state == 2 || size < 2)) {
        errno = ENOSPC;
        return -1;
    }
    return (ssize_t)(size / 2); /* torn: whoever is killed dies after this half */
}

static void put(const void *data, size_t size) {
    const char *bytes = data;
    while (size) {
        ssize_t count = REAL(write)(journal, bytes, size);
        if (count <= 0) abort();
        bytes += count;
        size -= (size_t)count;
    }
}

static void record(char act, uint64_t inode, int64_t offset, const char *path, const char *target,
                   const void *data, size_t size) {
    if (mode != RECORD) return;
    int saved = errno;
    uint32_t lengths[3] = {(uint32_t)strlen(path), (uint32_t)strlen(target), (uint32_t)size};
    put(&act, 1);
    put(&inode, sizeof inode);
    put(&offset, sizeof offset);
    put(lengths, sizeof lengths);
    put(path, lengths[0]);
    put(target, lengths[1]);
    put(data, size);
    errno = saved;
}

static uint64_t inode_of(int file) {
    struct stat state;
    return fstat(file, &state) ? 0 : (uint64_t)state.st_ino;
}

void fault_arm(const char *folder, int new_mode, long number, int journal_file) {
    strncpy(root, folder, PATH_MAX - 1);
    root_length = strlen(root);
    acts = 0;
    limit = number;
    journal = journal_file;
    mode = new_mode;
}

long fault_disarm(void) {
    mode = OFF;
    return acts;
}

void fault_note(const char *text) {
    pthread_mutex_lock(&mutex);
    record('N', 0, 0, "", "", text, strlen(text));
    pthread_mutex_unlock(&mutex);
}

/* Opening ------------------------------------------------------------------------------------ */

static int open_file(int (*function)(int, const char *, int, ...), int folder, const char *path,
                     int flags, mode_t rights) {
    char name[PATH_MAX];
    if (!(flags & (O_CREAT | O_TRUNC)) || !resolve(folder, path, name))
        return function(folder, path, flags, rights);
    pthread_mutex_lock(&mutex);
    int is_new = faccessat(AT_FDCWD, name, F_OK, AT_SYMLINK_NOFOLLOW) != 0;
    int file = -1;
    if ((!is_new && !(flags & O_TRUNC)) || !refused(is_new))
        file = function(folder, path, flags, rights);
    if (file >= 0 && is_new) record('C', inode_of(file), 0, name, "", "", 0);
    else if (file >= 0 && flags & O_TRUNC) record('T', inode_of(file), 0, name, "", "", 0);
    pthread_mutex_unlock(&mutex);
    return file;
}

#define RIGHTS                                                                                     \
    mode_t rights = 0;                                                                             \
    if (flags & (O_CREAT | O_TMPFILE)) {                                                           \
        va_list list;                                                                              \
        va_start(list, flags);                                                                     \
        rights = va_arg(list, mode_t);                                                             \
        va_end(list);                                                                              \
    }

int open(const char *path, int flags, ...) {
    RIGHTS return open_file(REAL(openat), AT_FDCWD, path, flags, rights);
}
int open64(const char *path, int flags, ...) {
    RIGHTS return open_file(REAL(openat64), AT_FDCWD, path, flags, rights);
}
int openat(int folder, const char *path, int flags, ...) {
    RIGHTS return open_file(REAL(openat), folder, path, flags, rights);
}
int openat64(int folder, const char *path, int flags, ...) {
    RIGHTS return open_file(REAL(openat64), folder, path, flags, rights);
}

/* A stream's own buffer is written inside libc, where no shim sees it: it gets a file of ours. */
static ssize_t stream_write(void *cookie, const char *data, size_t size) {
    ssize_t count = write((int)(intptr_t)cookie, data, size);
    return count < 0 ? 0 : count;
}
static ssize_t stream_read(void *cookie, char *data, size_t size) {
    return read((int)(intptr_t)cookie, data, size);
}
static int stream_seek(void *cookie, off64_t *offset, int whence) {
    off64_t position = lseek64((int)(intptr_t)cookie, *offset, whence);
    *offset = position;
    return position < 0 ? -1 : 0;
}
static int stream_close(void *cookie) { return close((int)(intptr_t)cookie); }

static FILE *open_stream(FILE *(*function)(const char *, const char *), const char *path,
                         const char *access) {
    char name[PATH_MAX];
    if (!strpbrk(access, "wa+x") || !resolve(AT_FDCWD, path, name)) return function(path, access);
    int flags = access[0] == 'r' ? 0 : O_CREAT | (access[0] == 'w' ? O_TRUNC : O_APPEND);
    flags |= strchr(access, '+') ? O_RDWR : O_WRONLY;
    int file = open(path, flags | O_CLOEXEC, 0666);
    if (file < 0) return NULL;
    cookie_io_functions_t calls = {stream_read, stream_write, stream_seek, stream_close};
    return fopencookie((void *)(intptr_t)file, access, calls);
}
FILE *fopen(const char *path, const char *access) { return open_stream(REAL(fopen), path, access); }
FILE *fopen64(const char *path, const char *access) {
    return open_stream(REAL(fopen64), path, access);
}

/* Content ------------------------------------------------------------------------------------ */

/* Write at `offset`, or where the file stands if that is negative. */
static ssize_t write_file(int file, const void *data, size_t size, off64_t offset) {
    char name[PATH_MAX];
    ssize_t (*at)(int, const void *, size_t, off64_t) = (void *)real("pwrite64");
    if (!path_of(file, name))
        return offset < 0 ? REAL(write)(file, data, size) : at(file, data, size, offset);
    pthread_mutex_lock(&mutex);
    ssize_t count = allowed(size);
    if (count >= 0) {
        off64_t start = offset;
        if (offset < 0) {
            struct stat state;
            int appends = fcntl(file, F_GETFL) & O_APPEND && !fstat(file, &state);
            start = appends ? state.st_size : lseek64(file, 0, SEEK_CUR);
        }
        count = offset < 0 ? REAL(write)(file, data, (size_t)count)
                           : at(file, data, (size_t)count, offset);
        if (mode == KILL && acts > limit) die();
        if (count > 0) record('W', inode_of(file), start, name, "", data, (size_t)count);
    }
    pthread_mutex_unlock(&mutex);
    return count;
}

ssize_t write(int file, const void *data, size_t size) { return write_file(file, data, size, -1); }
ssize_t pwrite(int file, const void *data, size_t size, off_t offset) {
    return write_file(file, data, size, offset);
}
ssize_t pwrite64(int file, const void *data, size_t size, off64_t offset) {
    return write_file(file, data, size, offset);
}
ssize_t writev(int file, const struct iovec *parts, int count) {
    char name[PATH_MAX];
    if (!path_of(file, name)) return REAL(writev)(file, parts, count);
    ssize_t total = 0;
    for (int k = 0; k < count; k++) {
        ssize_t size = write_file(file, parts[k].iov_base, parts[k].iov_len, -1);
        if (size < 0) return total ? total : -1;
        total += size;
        if ((size_t)size < parts[k].iov_len) break;
    }
    return total;
}
/* Copies inside the kernel: their callers write the ordinary way instead. */
ssize_t sendfile(int out, int in, off_t *offset, size_t size) {
    char name[PATH_MAX];
    ssize_t (*function)(int, int, off_t *, size_t) = real("sendfile");
    if (!path_of(out, name)) return function(out, in, offset, size);
    errno = EINVAL;
    return -1;
}
ssize_t sendfile64(int out, int in, off64_t *offset, size_t size) {
    return sendfile(out, in, (off_t *)offset, size);
}
ssize_t copy_file_range(int in, off64_t *from, int out, off64_t *to, size_t size, unsigned flags) {
    char name[PATH_MAX];
    if (!path_of(out, name)) return REAL(copy_file_range)(in, from, out, to, size, flags);
    errno = EXDEV;
    return -1;
}
static int resize(int file, off64_t size, int (*function)(int, off64_t)) {
    char name[PATH_MAX];
    if (!path_of(file, name)) return function(file, size);
    struct stat state;
    pthread_mutex_lock(&mutex);
    int result = -1;
    if (!fstat(file, &state) && !refused(size > state.st_size)) result = function(file, size);
    if (!result) record('T', inode_of(file), size, name, "", "", 0);
    pthread_mutex_unlock(&mutex);
    return result;
}
int ftruncate(int file, off_t size) { return resize(file, size, (void *)real("ftruncate")); }
int ftruncate64(int file, off64_t size) { return resize(file, size, (void *)real("ftruncate64")); }
int posix_fallocate(int file, off_t offset, off_t size) {
    char name[PATH_MAX];
    return path_of(file, name) ? EOPNOTSUPP : REAL(posix_fallocate)(file, offset, size);
}
static int flush(int file, int (*function)(int)) {
    char name[PATH_MAX];
    if (!path_of(file, name)) return function(file);
    pthread_mutex_lock(&mutex);
    refused(0);
    record('S', inode_of(file), 0, name, "", "", 0); /* tests need not wait for the real disk */
    pthread_mutex_unlock(&mutex);
    return 0;
}
int fsync(int file) { return flush(file, REAL(fsync)); }
int fdatasync(int file) { return flush(file, REAL(fdatasync)); }

/* Names -------------------------------------------------------------------------------------- */

#define CHANGE(folder, path, needs_space, call, act, target)                                       \
    char name[PATH_MAX], other[PATH_MAX];                                                          \
    other[0] = 0;                                                                                  \
    if (!resolve(folder, path, name)) return call;                                                 \
    target;                                                                                        \
    pthread_mutex_lock(&mutex);                                                                    \
    int result = refused(needs_space) ? -1 : call;                                                 \
    if (!result) record(act, 0, 0, name, other, "", 0);                                            \
    pthread_mutex_unlock(&mutex);                                                                  \
    return result;

int mkdir(const char *path, mode_t rights) {
    CHANGE(AT_FDCWD, path, 1, REAL(mkdir)(path, rights), 'M', (void)0)
}
int mkdirat(int folder, const char *path, mode_t rights) {
    CHANGE(folder, path, 1, REAL(mkdirat)(folder, path, rights), 'M', (void)0)
}
int rmdir(const char *path) { CHANGE(AT_FDCWD, path, 0, REAL(rmdir)(path), 'D', (void)0) }
int unlink(const char *path) { CHANGE(AT_FDCWD, path, 0, REAL(unlink)(path), 'U', (void)0) }
int unlinkat(int folder, const char *path, int flags) {
    CHANGE(folder, path, 0, REAL(unlinkat)(folder, path, flags),
           flags & AT_REMOVEDIR ? 'D' : 'U', (void)0)
}
int rename(const char *path, const char *to) {
    CHANGE(AT_FDCWD, path, 0, REAL(rename)(path, to), 'R', resolve(AT_FDCWD, to, other))
}
int renameat(int folder, const char *path, int at, const char *to) {
    CHANGE(folder, path, 0, REAL(renameat)(folder, path, at, to), 'R', resolve(at, to, other))
}
int renameat2(int folder, const char *path, int at, const char *to, unsigned flags) {
    CHANGE(folder, path, 0, REAL(renameat2)(folder, path, at, to, flags), 'R',
           resolve(at, to, other))
}
int link(const char *path, const char *to) {
    CHANGE(AT_FDCWD, to, 1, REAL(link)(path, to), 'L', resolve(AT_FDCWD, path, other))
}
int linkat(int at, const char *path, int folder, const char *to, int flags) {
    CHANGE(folder, to, 1, REAL(linkat)(at, path, folder, to, flags), 'L', resolve(at, path, other))
}
int symlink(const char *path, const char *to) {
    CHANGE(AT_FDCWD, to, 1, REAL(symlink)(path, to), 'Y', (void)0)
}
