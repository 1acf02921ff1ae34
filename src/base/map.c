/* String map with linear probing and backward-shift deletion; see map.h. */
#include "base/map.h"

#include <stdint.h>
#include <string.h>

#include "base/crypto.h"

struct slot {
    char *key; /* owned; NULL marks a free slot */
    void *value;
    uint64_t hash;
};

struct vg_map {
    struct slot *slots;
    size_t cap; /* a power of two, or 0 */
    size_t count;
    uint64_t seed;
};

static uint64_t hash_of(const struct vg_map *m, const char *key)
{
    uint64_t h = 14695981039346656037u ^ m->seed;
    for (const unsigned char *p = (const unsigned char *)key; *p; p++)
        h = (h ^ *p) * 1099511628211u;
    return h ^ h >> 32;
}

struct vg_map *vg_map_new(void)
{
    struct vg_map *m = calloc(1, sizeof *m);
    if (m)
        vg_random_bytes(&m->seed, sizeof m->seed);
    return m;
}

struct vg_map *vg_map_free(struct vg_map *m)
{
    if (!m)
        return NULL;
    for (size_t i = 0; i < m->cap; i++)
        free(m->slots[i].key);
    free(m->slots);
    free(m);
    return NULL;
}

/* The slot that holds `key`, or the free slot where it would go. */
static struct slot *find(const struct vg_map *m, const char *key, uint64_t hash)
{
    size_t i = hash & (m->cap - 1);
    while (m->slots[i].key && (m->slots[i].hash != hash || strcmp(m->slots[i].key, key) != 0))
        i = (i + 1) & (m->cap - 1);
    return &m->slots[i];
}

void *vg_map_get(const struct vg_map *m, const char *key)
{
    if (m->count == 0)
        return NULL;
    const struct slot *s = find(m, key, hash_of(m, key));
    return s->key ? s->value : NULL;
}

static int grow(struct vg_map *m)
{
    size_t old_cap = m->cap;
    struct slot *old = m->slots;
    size_t cap = old_cap ? old_cap * 2 : 16;
    struct slot *slots = calloc(cap, sizeof *slots);
    if (!slots)
        return VG_ENOMEM;
    m->slots = slots;
    m->cap = cap;
    for (size_t i = 0; i < old_cap; i++) {
        if (old[i].key)
            *find(m, old[i].key, old[i].hash) = old[i];
    }
    free(old);
    return 0;
}

int vg_map_put(struct vg_map *m, const char *key, void *value)
{
    VG_ASSERT(value);
    if ((m->count + 1) * 4 > m->cap * 3) {
        int err = grow(m);
        if (err)
            return err;
    }
    uint64_t hash = hash_of(m, key);
    struct slot *s = find(m, key, hash);
    if (!s->key) {
        char *copy = strdup(key);
        if (!copy)
            return VG_ENOMEM;
        *s = (struct slot){.key = copy, .hash = hash};
        m->count++;
    }
    s->value = value;
    return 0;
}

/* Closes the gap at `hole` so that no probe sequence is broken. */
static void shift_back(struct vg_map *m, size_t hole)
{
    size_t mask = m->cap - 1;
    for (size_t i = (hole + 1) & mask; m->slots[i].key; i = (i + 1) & mask) {
        size_t home = m->slots[i].hash & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            m->slots[hole] = m->slots[i];
            hole = i;
        }
    }
    m->slots[hole] = (struct slot){0};
}

void *vg_map_remove(struct vg_map *m, const char *key)
{
    if (m->count == 0)
        return NULL;
    struct slot *s = find(m, key, hash_of(m, key));
    if (!s->key)
        return NULL;
    void *value = s->value;
    free(s->key);
    shift_back(m, (size_t)(s - m->slots));
    m->count--;
    return value;
}

size_t vg_map_count(const struct vg_map *m)
{
    return m->count;
}

void *vg_map_next(const struct vg_map *m, size_t *cursor, const char **key)
{
    while (*cursor < m->cap) {
        const struct slot *s = &m->slots[(*cursor)++];
        if (s->key) {
            if (key)
                *key = s->key;
            return s->value;
        }
    }
    return NULL;
}
