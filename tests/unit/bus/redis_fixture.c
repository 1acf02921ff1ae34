/* See redis_fixture.h. */
#include "redis_fixture.h"

#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void die(const char *what)
{
    fprintf(stderr, "redis fixture: %s\n", what);
    exit(2);
}

static redisContext *control(struct redis_fixture *r)
{
    redisContext *c = redisConnectUnix(r->socket);
    if (c && c->err) {
        redisFree(c);
        c = NULL;
    }
    if (c && r->password)
        freeReplyObject(redisCommand(c, "AUTH %s", r->password));
    return c;
}

void redis_fixture_start(struct redis_fixture *r)
{
    char port[16];
    snprintf(port, sizeof port, "%d", r->port);
    r->pid = fork();
    if (r->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (chdir(r->dir) != 0 || !freopen("redis.log", "a", stdout) || !freopen("redis.log", "a", stderr))
            _exit(126);
        execlp("redis-server", "redis-server", "--port", port, "--bind", "127.0.0.1", "--unixsocket",
               r->socket, "--save", "", "--appendonly", "no", "--requirepass", r->password ? r->password : "",
               (char *)NULL);
        _exit(127);
    }
    for (int i = 0; i < 1000; i++) {
        redisContext *c = control(r);
        if (c) {
            redisFree(c);
            return;
        }
        usleep(10000);
    }
    die("redis-server did not come up");
}

void redis_fixture_open(struct redis_fixture *r, int port, const char *password)
{
    *r = (struct redis_fixture){.port = port, .password = password};
    snprintf(r->dir, sizeof r->dir, "/tmp/vg-redis-XXXXXX");
    if (!mkdtemp(r->dir))
        die("no folder");
    snprintf(r->socket, sizeof r->socket, "%s/s", r->dir);
    snprintf(r->url, sizeof r->url, "unix://%s", r->socket);
    redis_fixture_start(r);
}

void redis_fixture_kill(struct redis_fixture *r)
{
    if (r->pid <= 0)
        return;
    kill(r->pid, SIGKILL);
    waitpid(r->pid, NULL, 0);
    r->pid = 0;
    unlink(r->socket);
}

void redis_fixture_close(struct redis_fixture *r)
{
    char path[96];
    redis_fixture_kill(r);
    snprintf(path, sizeof path, "%s/redis.log", r->dir);
    unlink(path);
    rmdir(r->dir);
}

void redis_fixture_freeze(struct redis_fixture *r, bool frozen)
{
    kill(r->pid, frozen ? SIGSTOP : SIGCONT);
}

static redisReply *ask(struct redis_fixture *r, const char *format, va_list ap)
{
    char line[512], *words[9], *rest = line, *word;
    int n = 0;
    vsnprintf(line, sizeof line, format, ap);
    while (n < 8 && (word = strsep(&rest, " ")))
        words[n++] = word;
    redisContext *c = control(r);
    if (!c)
        return NULL;
    redisReply *reply = redisCommandArgv(c, n, (const char **)words, NULL);
    redisFree(c);
    return reply;
}

long long redis_ask(struct redis_fixture *r, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    redisReply *reply = ask(r, format, ap);
    va_end(ap);
    long long n = -1;
    if (reply && reply->type == REDIS_REPLY_INTEGER)
        n = reply->integer;
    else if (reply && reply->type == REDIS_REPLY_ARRAY)
        n = (long long)reply->elements;
    else if (reply && (reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS))
        n = (long long)reply->len;
    freeReplyObject(reply);
    return n;
}

bool redis_ask_text(struct redis_fixture *r, char *out, size_t size, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    redisReply *reply = ask(r, format, ap);
    va_end(ap);
    bool ok = reply && reply->type == REDIS_REPLY_STRING;
    if (ok)
        snprintf(out, size, "%s", reply->str);
    freeReplyObject(reply);
    return ok;
}

long long redis_calls(struct redis_fixture *r, const char *command)
{
    char text[16384], name[64];
    long long calls = 0;
    snprintf(name, sizeof name, "cmdstat_%s:calls=", command);
    if (redis_ask_text(r, text, sizeof text, "INFO commandstats")) {
        const char *at = strstr(text, name);
        calls = at ? atoll(at + strlen(name)) : 0;
    }
    return calls;
}
