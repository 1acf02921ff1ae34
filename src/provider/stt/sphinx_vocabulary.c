/* A word list as a language model; see sphinx_vocabulary.h. */
#include "provider/stt/sphinx_vocabulary.h"

#include <ctype.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <ps_search.h>
#include <sphinxbase/ngram_model.h>

#include "base/map.h"

#define WEIGHT                                                                                               \
    0.05F /* 0.2 is a little better on a fitting list and was not tried on one that does not fit             \
           */
#define DEFAULT_SEARCH "_default"

enum { WORD_BYTES_MAX = 64 };

struct sphinx_vocabulary {
    ps_decoder_t *decoder;
    struct vg_map *words; /* known ones; the value says nothing */
    uint32_t skipped;
};

struct sphinx_vocabulary *sphinx_vocabulary_new(ps_decoder_t *decoder)
{
    struct sphinx_vocabulary *v = calloc(1, sizeof *v);
    if (!v)
        return NULL;
    v->decoder = decoder;
    v->words = vg_map_new();
    return v->words ? v : sphinx_vocabulary_free(v);
}

struct sphinx_vocabulary *sphinx_vocabulary_free(struct sphinx_vocabulary *v)
{
    if (v)
        vg_map_free(v->words);
    free(v);
    return NULL;
}

static void add_word(struct sphinx_vocabulary *v, const char *word)
{
    char *pronunciation = ps_lookup_word(v->decoder, word);
    bool known = pronunciation && vg_map_count(v->words) < SPHINX_VOCABULARY_WORDS_MAX;
    free(pronunciation);
    if (!known || vg_map_put(v->words, word, v) != 0)
        v->skipped++;
}

void sphinx_vocabulary_add(struct sphinx_vocabulary *v, const char *words, size_t bytes)
{
    char word[WORD_BYTES_MAX];
    size_t len = 0;
    for (size_t i = 0; v && i <= bytes; i++) {
        unsigned char ch = i < bytes ? (unsigned char)words[i] : '\n';
        if (!isspace(ch)) {
            if (len < sizeof word) /* one that does not fit stays too long and is no word */
                word[len++] = (char)tolower(ch);
            continue;
        }
        if (len == sizeof word)
            v->skipped++;
        else if (len)
            add_word(v, (word[len] = '\0', word));
        len = 0;
    }
}

/* Writes the words as a uniform unigram model. ARPA wants the sentence marks. */
static void write_arpa(FILE *f, const struct sphinx_vocabulary *v)
{
    size_t count = vg_map_count(v->words);
    double log_p = -log10((double)count + 1);
    fprintf(f, "\\data\\\nngram 1=%zu\n\n\\1-grams:\n-99 <s> 0\n%.4f </s> 0\n", count + 2, log_p);
    const char *word;
    size_t cursor = 0;
    while (vg_map_next(v->words, &cursor, &word))
        fprintf(f, "%.4f %s 0\n", log_p, word);
    fprintf(f, "\n\\end\\\n");
}

/* The library reads models from files only: an anonymous one does. */
static ngram_model_t *read_words(const struct sphinx_vocabulary *v)
{
    int fd = memfd_create("vocabulary", MFD_CLOEXEC);
    FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!f) {
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    write_arpa(f, v);
    fflush(f);
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    ngram_model_t *model =
        ngram_model_read(ps_get_config(v->decoder), path, NGRAM_ARPA, ps_get_logmath(v->decoder));
    fclose(f);
    return model;
}

/* The general model, out of the decoder's own set: reading it again would cost 0.25 s and its shared memory.
 */
static ngram_model_t *general_model(ps_decoder_t *decoder)
{
    ngram_model_t *set = ps_get_lm(decoder, DEFAULT_SEARCH);
    ngram_model_set_iter_t *it = set ? ngram_model_set_iter(set) : NULL;
    if (!it)
        return NULL;
    const char *name;
    ngram_model_t *model = ngram_model_set_iter_model(it, &name);
    ngram_model_set_iter_free(it);
    return ngram_model_retain(model);
}

int sphinx_vocabulary_load(struct sphinx_vocabulary *v, uint32_t *known, uint32_t *skipped)
{
    if (!v)
        return VG_ENOMEM;
    *known = (uint32_t)vg_map_count(v->words);
    *skipped = v->skipped;
    if (!*known)
        return VG_ENOENT;
    ngram_model_t *models[2] = {general_model(v->decoder), read_words(v)};
    if (!models[0] || !models[1])
        return VG_EIO;
    char names[2][8] = {"general", "words"};
    char *name_list[2] = {names[0], names[1]};
    const float32 weights[2] = {1 - WEIGHT, WEIGHT};
    ngram_model_t *set =
        ngram_model_set_init(ps_get_config(v->decoder), models, name_list, weights, VG_COUNT_OF(models));
    if (!set)
        return VG_EIO;
    const char *set_names[2] = {names[0], names[1]};
    ngram_model_set_interp(set, set_names, weights);
    int err = ps_set_lm(v->decoder, "vocabulary", set);
    ngram_model_free(set);
    if (err || ps_set_search(v->decoder, "vocabulary"))
        return VG_EIO;
    return 0;
}
