// The calls of Linux that init uses. Swift imports most of them from the C library unchanged. Below are the
// few that it cannot import: variadic functions, macros with arguments, unions, `errno`, `fork`, and an
// instruction.

#ifndef CLINUX_H
#define CLINUX_H

#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <linux/input.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static inline int lastError(void) { return errno; }

static inline int openFile(const char *path, int flags) { return open(path, flags | O_CLOEXEC); }

static inline pid_t forkProcess(void) { return fork(); }

// Writes one byte to an I/O port. The caller must have the permission for it: ioperm(2).
static inline void writePort(unsigned short port, unsigned char value) { outb(value, port); }

// Makes the terminal the controlling terminal of the calling session leader: tty_ioctl(4), TIOCSCTTY.
static inline int takeTerminal(int terminal) { return ioctl(terminal, TIOCSCTTY, 0); }

// Returns the number of bytes that the terminal's driver has not sent yet (tty_ioctl(4), TIOCOUTQ); 0 if it
// is no terminal.
static inline int unsentByteCount(int terminal) {
    int count = 0;
    return ioctl(terminal, TIOCOUTQ, &count) < 0 ? 0 : count;
}

// Returns whether the input device can send the key: the bit map of EVIOCGBIT(EV_KEY).
static inline bool inputDeviceHasKey(int device, unsigned key) {
    unsigned char keys[KEY_MAX / 8 + 1] = {0};
    return ioctl(device, EVIOCGBIT(EV_KEY, sizeof keys), keys) >= 0 && (keys[key / 8] >> key % 8 & 1);
}

// Sets IFF_UP on the interface: netdevice(7).
static inline int bringUpInterface(const char *name) {
    struct ifreq request = {0};
    strncpy(request.ifr_name, name, sizeof request.ifr_name - 1);
    int socketForControl = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (socketForControl < 0) return -1;
    request.ifr_flags = IFF_UP;
    int result = ioctl(socketForControl, SIOCSIFFLAGS, &request);
    close(socketForControl);
    return result;
}

// The parts of waitpid(2)'s status.
static inline bool hasExited(int status) { return WIFEXITED(status); }
static inline int exitStatus(int status) { return WEXITSTATUS(status); }
static inline int endingSignal(int status) { return WTERMSIG(status); }

#endif
