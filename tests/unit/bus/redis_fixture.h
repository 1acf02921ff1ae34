/* A private redis-server for a test: on a Unix socket in a folder of its own, killed and started at will. */
#ifndef TESTS_BUS_REDIS_FIXTURE_H
#define TESTS_BUS_REDIS_FIXTURE_H

#include <stdbool.h>
#include <sys/types.h>

struct redis_fixture {
    char dir[64];
    char socket[96];
    char url[128];
    int port; /* 0: no TCP */
    const char *password;
    pid_t pid;
};

/* Makes the folder and starts a server. `port` 0: Unix socket only. Ends the test program if it cannot. */
void redis_fixture_open(struct redis_fixture *r, int port, const char *password);
void redis_fixture_close(struct redis_fixture *r);
/* SIGKILL; nothing was saved. */
void redis_fixture_kill(struct redis_fixture *r);
/* An empty server at the same place. */
void redis_fixture_start(struct redis_fixture *r);
/* SIGSTOP and SIGCONT: connections stay, nothing is answered. */
void redis_fixture_freeze(struct redis_fixture *r, bool frozen);

/* One command of up to eight words over a connection of its own; its integer, or the length of its text or
 * list; -1: an error or nil. */
long long redis_ask(struct redis_fixture *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same, its text copied to `out`. False: nil or error. */
bool redis_ask_text(struct redis_fixture *r, char *out, size_t size, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Calls of a command since the last reset, by INFO commandstats. */
long long redis_calls(struct redis_fixture *r, const char *command);

#endif
