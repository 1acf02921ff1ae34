/* The floor that Voxgate is measured against: a WebSocket server by hand on epoll, one thread, that does for
 * a frame only what nobody can leave out: receive, unmask, find the audio, decode its base64 (proto/base64,
 * the same code), answer pings. No call, no ring, no VAD, no limits. Usage: raw_epoll PORT [REPLY NOTE]
 *
 * With REPLY and NOTE it also sends what the gateway sends in the run that it is held against: a peer's every
 * REPLY-th frame of audio is said back, encoded again, and after every NOTE-th a text of 160 bytes goes out.
 *
 * It speaks as much of the protocol as `voxgate bench --ws-url` needs. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/sha.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/base64.h"

enum {
    BUFFER_BYTES = 256 * 1024,
    EVENTS = 256,
    AUDIO_BYTES = 64 * 1024,
    RING_BYTES = 4096,
    NOTE_BYTES = 160
};

struct peer {
    int fd;
    bool open; /* the upgrade is done */
    size_t have;
    unsigned frames;
    uint8_t *rest; /* half a message */
    size_t ring_at;
    uint8_t ring[RING_BYTES]; /* where decoded audio goes */
};

static uint8_t buffer[BUFFER_BYTES + 32], audio[AUDIO_BYTES + 64];
static char answer_text[VG_BASE64_BOUND(AUDIO_BYTES) + 64];
static unsigned reply_every, note_every; /* 0: never */

static void drop(struct peer *p)
{
    close(p->fd);
    free(p->rest);
    free(p);
}

static void reply(struct peer *p, int opcode, const void *data, size_t bytes)
{
    static uint8_t out[4 + sizeof answer_text];
    size_t head = bytes < 126 ? 2 : 4;
    out[0] = (uint8_t)(0x80 | opcode);
    out[1] = bytes < 126 ? (uint8_t)bytes : 126;
    if (head == 4) {
        out[2] = (uint8_t)(bytes >> 8);
        out[3] = (uint8_t)bytes;
    }
    memcpy(out + head, data, bytes);
    (void)!send(p->fd, out, head + bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* As much as the gateway says in the run that this is held against. */
static void say_back(struct peer *p, bool text, const uint8_t *pcm, size_t bytes)
{
    static const char note[NOTE_BYTES] = "{\"type\":\"note\"}";
    p->frames++;
    if (reply_every && p->frames % reply_every == 0) {
        if (text) {
            size_t head = (size_t)sprintf(answer_text, "{\"type\":\"reply\",\"audio\":\"");
            size_t end = head + vg_base64_encode(answer_text + head, pcm, bytes);
            memcpy(answer_text + end, "\"}", 2);
            reply(p, 1, answer_text, end + 2);
        } else {
            reply(p, 2, pcm, bytes);
        }
    }
    if (note_every && p->frames % note_every == 0)
        reply(p, 1, note, sizeof note);
}

static void keep_audio(struct peer *p, const uint8_t *pcm, size_t bytes)
{
    while (bytes > 0) {
        size_t n = RING_BYTES - p->ring_at < bytes ? RING_BYTES - p->ring_at : bytes;
        memcpy(p->ring + p->ring_at, pcm, n);
        p->ring_at = (p->ring_at + n) % RING_BYTES;
        pcm += n;
        bytes -= n;
    }
}

static void on_text(struct peer *p, const char *text, size_t bytes)
{
    static const char AUDIO[] = "{\"type\":\"audio\",\"data\":\"", PING[] = "{\"type\":\"ping\",\"id\":";
    if (bytes > sizeof AUDIO && memcmp(text, AUDIO, sizeof AUDIO - 1) == 0) {
        const char *data = text + sizeof AUDIO - 1;
        const char *end = memchr(data, '"', bytes - (sizeof AUDIO - 1));
        int n = end && (size_t)(end - data) < AUDIO_BYTES
                    ? vg_base64_decode(audio, data, (size_t)(end - data))
                    : -1;
        if (n > 0) {
            keep_audio(p, audio, (size_t)n);
            say_back(p, true, audio, (size_t)n);
        }
    } else if (bytes > sizeof PING && memcmp(text, PING, sizeof PING - 1) == 0) {
        char pong[64];
        int n = snprintf(pong, sizeof pong, "{\"type\":\"pong\",\"id\":%d}", atoi(text + sizeof PING - 1));
        reply(p, 1, pong, (size_t)n);
    }
}

static void unmask(uint8_t *data, size_t bytes, const uint8_t key[4])
{
    uint64_t wide;
    uint8_t twice[8];
    memcpy(twice, key, 4);
    memcpy(twice + 4, key, 4);
    memcpy(&wide, twice, 8);
    size_t i = 0;
    for (; i + 8 <= bytes; i += 8) {
        uint64_t word;
        memcpy(&word, data + i, 8);
        word ^= wide;
        memcpy(data + i, &word, 8);
    }
    for (; i < bytes; i++)
        data[i] ^= key[i & 3];
}

/* Takes one frame; 0: more must come, -1: the end. */
static long take_frame(struct peer *p, uint8_t *data, size_t have)
{
    if (have < 6)
        return 0;
    size_t head = 2, bytes = data[1] & 0x7f;
    if (bytes >= 126) {
        head += bytes == 126 ? 2 : 8;
        if (have < head + 4)
            return 0;
        bytes = 0;
        for (size_t i = 2; i < head; i++)
            bytes = bytes << 8 | data[i];
    }
    if (bytes > BUFFER_BYTES / 2)
        return -1;
    if (have < head + 4 + bytes)
        return 0;
    uint8_t *payload = data + head + 4;
    unmask(payload, bytes, data + head);
    switch (data[0] & 15) {
    case 1: on_text(p, (const char *)payload, bytes); break;
    case 2:
        keep_audio(p, payload, bytes);
        say_back(p, false, payload, bytes);
        break;
    case 8: return -1;
    case 9: reply(p, 10, payload, bytes < 125 ? bytes : 125); break;
    default: break;
    }
    return (long)(head + 4 + bytes);
}

static long take_upgrade(struct peer *p, const uint8_t *data, size_t have)
{
    const char *end = memmem(data, have, "\r\n\r\n", 4);
    const char *key = memmem(data, have, "Sec-WebSocket-Key: ", 19);
    char text[80], answer[256], accept[VG_BASE64_BOUND(SHA_DIGEST_LENGTH) + 1] = "";
    uint8_t hash[SHA_DIGEST_LENGTH];
    if (!end)
        return 0;
    if (!key || end - key < 43)
        return -1;
    int n = snprintf(text, sizeof text, "%.24s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key + 19);
    SHA1((const unsigned char *)text, (size_t)n, hash);
    vg_base64_encode(accept, hash, sizeof hash);
    n = snprintf(answer, sizeof answer,
                 "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 "Sec-WebSocket-Accept: %s\r\n\r\n",
                 accept);
    (void)!send(p->fd, answer, (size_t)n, MSG_NOSIGNAL);
    p->open = true;
    return end + 4 - (const char *)data;
}

static void on_readable(struct peer *p)
{
    if (p->have)
        memcpy(buffer, p->rest, p->have);
    ssize_t n = recv(p->fd, buffer + p->have, BUFFER_BYTES - p->have, 0);
    if (n < 0 && errno == EAGAIN)
        return;
    long used = 0, step = n > 0 ? 1 : -1;
    size_t have = p->have + (size_t)(n > 0 ? n : 0);
    while (step > 0 && (size_t)used < have) {
        step = p->open ? take_frame(p, buffer + used, have - (size_t)used)
                       : take_upgrade(p, buffer + used, have - (size_t)used);
        used += step > 0 ? step : 0;
    }
    if (step < 0) {
        drop(p);
        return;
    }
    p->have = have - (size_t)used;
    if (p->have == 0)
        return;
    uint8_t *rest = realloc(p->rest, p->have);
    if (!rest) {
        drop(p);
        return;
    }
    memcpy(rest, buffer + used, p->have);
    p->rest = rest;
}

static void on_accept(int listener, int epoll)
{
    int fd, one = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        struct peer *p = calloc(1, sizeof *p);
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = p};
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (!p || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e)) {
            close(fd);
            free(p);
            continue;
        }
        p->fd = fd;
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), epoll = epoll_create1(0), one = 1;
    struct epoll_event events[EVENTS], own = {.events = EPOLLIN, .data.ptr = NULL};
    struct rlimit limit;
    if (argc != 2 && argc != 4) {
        fputs("usage: raw_epoll PORT [REPLY NOTE]\n", stderr);
        return 2;
    }
    if (argc == 4) {
        reply_every = (unsigned)atoi(argv[2]);
        note_every = (unsigned)atoi(argv[3]);
    }
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    signal(SIGPIPE, SIG_IGN);
    address.sin_port = htons((uint16_t)atoi(argv[1]));
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 4096) ||
        epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &own)) {
        perror("raw_epoll");
        return 1;
    }
    puts("ready");
    fflush(stdout);
    for (;;) {
        int n = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr)
                on_readable(events[i].data.ptr);
            else
                on_accept(listener, epoll);
        }
    }
}
