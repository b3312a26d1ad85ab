#define _GNU_SOURCE
#include "CHost.h"

#include <stdatomic.h>
#include <string.h>

/// The terminal's original settings and its settings while the guest uses it. Signal handlers use them, so
/// they are plain static memory, written before the handlers are installed.
static struct {
    int fd;
    struct termios original;
    struct termios raw;
    atomic_bool is_raw;
    /// Whether the original settings are in force because the process was stopped.
    atomic_bool is_suspended;
    /// Whether output was written that a terminal may answer.
    atomic_bool may_answer;
} terminal;

/// Sets the terminal's modes. SIGTTOU is blocked, because it would stop the process if the process is in the
/// background by now.
static int set_modes(const struct termios *modes, bool drops_input) {
    sigset_t stop, before;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTTOU);
    pthread_sigmask(SIG_BLOCK, &stop, &before);
    // TCSAFLUSH would wait for the output, which a stopped terminal never takes.
    if (drops_input) tcflush(terminal.fd, TCIFLUSH);
    int result = tcsetattr(terminal.fd, TCSANOW, modes);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return result;
}

void chost_terminal_restore(void) {
    atomic_store(&terminal.is_suspended, false);
    if (atomic_exchange(&terminal.is_raw, false)) set_modes(&terminal.original, true);
}

bool chost_terminal_is_raw(void) { return atomic_load(&terminal.is_raw); }

int chost_terminal_descriptor(void) { return terminal.fd; }

bool chost_terminal_is_suspended(void) { return atomic_load(&terminal.is_suspended); }

/// Restores the terminal and raises the signal again, with its default action: SA_RESETHAND has removed the
/// handler.
static void restore_and_reraise(int signal) {
    chost_terminal_restore();
    raise(signal);
}

static void suspend(void) {
    if (!atomic_exchange(&terminal.is_raw, false)) return;
    atomic_store(&terminal.is_suspended, true);
    set_modes(&terminal.original, false);
}

static void handle_stop(int signal);

static void install_stop_handler(int signal) {
    // A system call that a stop interrupts goes on after it.
    struct sigaction action = {.sa_handler = handle_stop, .sa_flags = SA_RESTART | SA_NODEFER | SA_ONSTACK};
    sigaction(signal, &action, NULL);
}

/// Restores the terminal and stops the process by `number`. SIGCONT, or the next key, makes the terminal raw
/// again.
static void handle_stop(int number) {
    int error = errno;
    suspend();
    signal(number, SIG_DFL);
    raise(number);
    install_stop_handler(number);
    errno = error;
}

void chost_stop_process(void) {
    struct sigaction standard = {.sa_handler = SIG_DFL}, before_action;
    sigset_t stop, before;
    suspend();
    sigaction(SIGTSTP, &standard, &before_action);
    sigemptyset(&stop);
    sigaddset(&stop, SIGTSTP);
    pthread_sigmask(SIG_UNBLOCK, &stop, &before);
    raise(SIGTSTP);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    sigaction(SIGTSTP, &before_action, NULL);
}

bool chost_terminal_resume(void) {
    if (!atomic_load(&terminal.is_raw) && !atomic_load(&terminal.is_suspended)) return false;
    // In the background the terminal belongs to other processes; the shell sends SIGCONT when it brings this
    // process back, or the user types something. A terminal that is not the session's has no background.
    pid_t foreground = tcgetpgrp(terminal.fd);
    if (foreground >= 0 && foreground != getpgrp()) return false;
    struct termios now;
    if (tcgetattr(terminal.fd, &now) < 0) return false;
    bool is_as_left = now.c_iflag == terminal.raw.c_iflag && now.c_oflag == terminal.raw.c_oflag &&
        now.c_cflag == terminal.raw.c_cflag && now.c_lflag == terminal.raw.c_lflag;
    // Settings that the user or the shell has made meanwhile are those to be restored.
    if (!is_as_left) terminal.original = now;
    atomic_store(&terminal.is_raw, true);
    atomic_store(&terminal.is_suspended, false);
    set_modes(&terminal.raw, false);
    return true;
}

void chost_terminal_note_output(const void *bytes, size_t byteCount) {
    if (!atomic_load(&terminal.is_raw) || atomic_load(&terminal.may_answer)) return;
    // ESC, ENQ, and the one-byte forms of CSI, DCS and OSC.
    static const unsigned char questions[] = {0x1B, 0x05, 0x9B, 0x90, 0x9D};
    for (size_t i = 0; i < sizeof questions; i++) {
        if (!memchr(bytes, questions[i], byteCount)) continue;
        atomic_store(&terminal.may_answer, true);
        return;
    }
}

bool chost_terminal_may_answer(void) {
    return atomic_load(&terminal.is_raw) && atomic_load(&terminal.may_answer);
}

/// Whether the signal ends the process by default and may be caught.
static bool ends_process(int number) {
    switch (number) {
    case SIGKILL: case SIGSTOP: case SIGTSTP: case SIGTTIN: case SIGTTOU: case SIGCONT:
    case SIGCHLD: case SIGURG: case SIGWINCH: return false;
    // The signals between SIGSYS and SIGRTMIN belong to the C library.
    default: return number <= SIGSYS || number >= SIGRTMIN;
    }
}

/// Whether the signal reports a fault of this process.
static bool is_fault(int number) {
    static const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT, SIGSYS};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        if (faults[i] == number) return true;
    }
    return false;
}

static bool has_handler(int number, void (*handler)(int)) {
    struct sigaction action;
    return sigaction(number, NULL, &action) == 0 && action.sa_handler == handler;
}

static void install_handlers(void) {
    struct sigaction action = {
        .sa_handler = restore_and_reraise, .sa_flags = SA_RESETHAND | SA_NODEFER | SA_ONSTACK};
    for (int number = 1; number <= SIGRTMAX; number++) {
        // An ignored signal stays ignored. Swift's runtime may have handlers for some signals; those do not
        // restore the terminal.
        bool is_ours = is_fault(number) || (ends_process(number) && !has_handler(number, SIG_IGN));
        if (is_ours) sigaction(number, &action, NULL);
    }
    if (has_handler(SIGTTIN, SIG_DFL)) install_stop_handler(SIGTTIN);
    if (has_handler(SIGTTOU, SIG_DFL)) install_stop_handler(SIGTTOU);
}

// Makes the calling thread's signal handlers run on `stack`, which has CHOST_SIGNAL_STACK_SIZE bytes. After a stack overflow
// the thread's own stack has no room for a handler.
static void use_signal_stack(char *stack) {
    stack_t description = {.ss_sp = stack, .ss_size = CHOST_SIGNAL_STACK_SIZE};
    sigaltstack(&description, NULL);
}

int chost_terminal_raw(int fd) {
    if (tcgetattr(fd, &terminal.original) < 0) return -errno;
    terminal.fd = fd;
    terminal.raw = terminal.original;
    cfmakeraw(&terminal.raw);
    static char stack[CHOST_SIGNAL_STACK_SIZE];
    use_signal_stack(stack);
    install_handlers();
    if (tcsetattr(fd, TCSADRAIN, &terminal.raw) < 0) return -errno;
    atomic_store(&terminal.is_raw, true);
    return 0;
}

void chost_call_with_signal_stack(void (*body)(void *), void *argument) {
    // The array takes no memory until a handler runs on it.
    char stack[CHOST_SIGNAL_STACK_SIZE];
    use_signal_stack(stack);
    body(argument);
    stack_t none = {.ss_flags = SS_DISABLE};
    sigaltstack(&none, NULL);
}
