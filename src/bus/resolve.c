/* See resolve.h. A cancelled look-up's thread ends by itself and frees what they share. */
#include "bus/resolve.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>

struct bus_resolve {
    struct vg_message message; /* posted by the thread */
    pthread_mutex_t lock;
    struct vg_loop *loop; /* by lock; NULL: cancelled before the answer */
    bool cancelled;       /* LOOP: between the post and its delivery */
    bus_resolve_fn done;
    void *arg;
    char host[256];
    struct bus_addresses found; /* the thread's until it posts */
};

static void resolve_free(struct bus_resolve *r)
{
    pthread_mutex_destroy(&r->lock);
    free(r);
}

bool bus_resolve_numeric(const char *host, struct bus_addresses *out)
{
    struct in6_addr any;
    if (inet_pton(AF_INET, host, &any) != 1 && inet_pton(AF_INET6, host, &any) != 1)
        return false;
    out->count = 1;
    snprintf(out->text[0], sizeof out->text[0], "%s", host);
    return true;
}

static void on_answer(struct vg_message *msg)
{
    struct bus_resolve *r = VG_MESSAGE_OF(msg, struct bus_resolve, message);
    pthread_mutex_lock(&r->lock); /* the poster may still be on its way out of the lock */
    pthread_mutex_unlock(&r->lock);
    if (!r->cancelled)
        r->done(r->arg, &r->found);
    resolve_free(r);
}

static void *resolve_thread(void *arg)
{
    struct bus_resolve *r = arg;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC}, *list = NULL;
    if (getaddrinfo(r->host, NULL, &hints, &list) == 0) {
        for (struct addrinfo *a = list; a && r->found.count < BUS_ADDRESSES_MAX; a = a->ai_next) {
            char *text = r->found.text[r->found.count];
            if (getnameinfo(a->ai_addr, a->ai_addrlen, text, BUS_ADDRESS_SIZE, NULL, 0, NI_NUMERICHOST) == 0)
                r->found.count++;
        }
        freeaddrinfo(list);
    }
    pthread_mutex_lock(&r->lock);
    struct vg_loop *loop = r->loop;
    if (loop)
        vg_loop_post(loop,
                     &r->message); /* under the lock: a cancel cannot end between the look and the post */
    pthread_mutex_unlock(&r->lock);
    if (!loop)
        resolve_free(r);
    return NULL;
}

struct bus_resolve *bus_resolve_start(struct vg_loop *loop, const char *host, bus_resolve_fn done, void *arg)
{
    struct bus_resolve *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    pthread_mutex_init(&r->lock, NULL);
    r->message.handle = on_answer;
    r->loop = loop;
    r->done = done;
    r->arg = arg;
    snprintf(r->host, sizeof r->host, "%s", host);
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_t thread;
    int failed = pthread_create(&thread, &attr, resolve_thread, r);
    pthread_attr_destroy(&attr);
    if (failed) {
        resolve_free(r);
        return NULL;
    }
    return r;
}

struct bus_resolve *bus_resolve_cancel(struct bus_resolve *r)
{
    if (!r)
        return NULL;
    pthread_mutex_lock(&r->lock);
    r->loop = NULL;
    r->cancelled = true;
    pthread_mutex_unlock(&r->lock);
    return NULL;
}
