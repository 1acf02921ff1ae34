/* Words by grammar, and the gate before them; see sphinx_words.h. */
#include "provider/stt/sphinx_words.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <pocketsphinx.h>
#include <ps_search.h>
#include <sphinxbase/err.h>
#include <sphinxbase/jsgf.h>

#include "audio/vad.h"
#include "base/buf.h"
#include "provider/stt/sphinx_lexicon.h"

#define DEBIAN_MODEL_DIR "/usr/share/pocketsphinx/model/en-us"
#define ALL_WORDS        "words"
#define PHONE_LOOP       "phones"

/* The grammar needs beams this wide for a foreign speaker's word to survive to its end. */
#define BEAM      "1e-120"
#define WORD_BEAM "1e-80"

enum {
    RATE_HZ = 16000,
    PATH_SIZE = 512,
    NAME_SIZE = 32,
    SPEECH_MIN_FRAMES = 8,      /* 150 ms, of VG_FRAME_SAMPLES each */
    SPEECH_MAX_FRAMES = 75,     /* 1.5 s from the first loud frame to the last */
    SPEECH_MAX_GAP_FRAMES = 20, /* 400 ms of quiet: no single word */
    VOICED_MIN_FRAMES = 4,
    MARGIN_FRAMES = 8, /* kept on both sides */
};
#define VOICED_SHARE_MIN   0.20
#define SPEECH_POWER_RATIO 0.003 /* a frame within 25 dB of the loudest one counts as speech */

/* The confidence grows with the lead between these two, from the lexicon's least lead on. */
#define CONFIDENCE_MIN 0.5
#define CONFIDENCE_MAX 0.8
#define LEAD_SURE      15.0

enum step { STEP_GATE, STEP_WORD, STEP_SECOND, STEP_PHONES, STEP_DONE };

struct sphinx_words {
    const struct sphinx_lexicon *lexicon;
    ps_decoder_t *decoder;
    struct vg_vad *vad;

    const int16_t *pcm; /* the word with its margins */
    size_t samples;
    enum step step;
    const struct sphinx_word *best; /* NULL: nothing was understood */
    int frames;                     /* of 10 ms, decoded */
    int32 best_score, second_score;
    double confidence;
};

bool sphinx_words_in(const char *language)
{
    return language && strncasecmp(language, "ar", 2) == 0 &&
           (language[2] == '\0' || language[2] == '-' || language[2] == '_');
}

/* ------------------------------------------------------------------------------------------------- loading
 */
/* Normalised over each utterance by itself: words come one at a time, complete. */
static ps_decoder_t *load_decoder(const char *dir)
{
    char hmm[PATH_SIZE];
    snprintf(hmm, sizeof hmm, "%s/en-us", dir);
    cmd_ln_t *args = cmd_ln_init(NULL, ps_args(), TRUE, "-hmm", hmm, "-cmn", "batch", "-bestpath", "no",
                                 "-lw", "1", "-beam", BEAM, "-pbeam", BEAM, "-wbeam", WORD_BEAM, NULL);
    if (!args)
        return NULL;
    ps_decoder_t *decoder = ps_init(args);
    cmd_ln_free_r(args);
    return decoder;
}

static bool add_word(ps_decoder_t *decoder, const struct sphinx_word *word)
{
    for (int i = 0; i < SPHINX_PRONUNCIATIONS_MAX && word->says[i]; i++) {
        char name[NAME_SIZE]; /* "sifr", "sifr(2)", ... */
        snprintf(name, sizeof name, i ? "%s(%d)" : "%s", word->name, i + 1);
        if (ps_add_word(decoder, name, word->says[i], FALSE) < 0)
            return false;
    }
    return true;
}

/* By hand, since ps_set_jsgf_string() keeps what it has parsed for ever. */
static int set_jsgf(ps_decoder_t *decoder, const char *name, const char *jsgf)
{
    int err = VG_EIO;
    jsgf_t *grammar = jsgf_parse_string(jsgf, NULL);
    jsgf_rule_t *rule = grammar ? jsgf_get_public_rule(grammar) : NULL;
    fsg_model_t *graph = rule ? jsgf_build_fsg(grammar, rule, ps_get_logmath(decoder), 1.0F) : NULL;
    if (graph && ps_set_fsg(decoder, name, graph) == 0)
        err = 0;
    fsg_model_free(graph);
    jsgf_grammar_free(grammar);
    return err;
}

static int set_grammar(ps_decoder_t *decoder, const char *name, const char *alternatives, const char *repeat)
{
    struct vg_buf jsgf = VG_BUF_INIT;
    vg_buf_printf(&jsgf, "#JSGF V1.0;\ngrammar %s;\npublic <said> = (%s)%s;\n", name, alternatives, repeat);
    int err = jsgf.failed ? VG_ENOMEM : set_jsgf(decoder, name, vg_buf_str(&jsgf));
    vg_buf_free(&jsgf);
    return err;
}

/* The grammar of all words but `but` (NULL: all); it is named after the one that it lacks. */
static int set_word_grammar(ps_decoder_t *decoder, const struct sphinx_lexicon *lexicon,
                            const struct sphinx_word *but)
{
    struct vg_buf words = VG_BUF_INIT;
    for (size_t i = 0; i < lexicon->count; i++)
        if (&lexicon->words[i] != but)
            vg_buf_printf(&words, "%s%s", words.len ? " | " : "", lexicon->words[i].name);
    int err =
        words.failed ? VG_ENOMEM : set_grammar(decoder, but ? but->name : ALL_WORDS, vg_buf_str(&words), "");
    vg_buf_free(&words);
    return err;
}

/* Each phone is a word of its own, under its own name with a mark. */
static int set_phone_loop(ps_decoder_t *decoder)
{
    struct vg_buf loop = VG_BUF_INIT;
    int err = 0;
    for (const char *p = sphinx_phones; *p && !err; p += strspn(p, " ")) {
        char phone[NAME_SIZE], name[NAME_SIZE + 2];
        size_t n = strcspn(p, " ");
        snprintf(phone, sizeof phone, "%.*s", (int)n, p);
        snprintf(name, sizeof name, "p_%s", phone);
        vg_buf_printf(&loop, "%s%s", loop.len ? " | " : "", name);
        err = ps_add_word(decoder, name, phone, FALSE) < 0 ? VG_EIO : 0;
        p += n;
    }
    if (!err)
        err = loop.failed ? VG_ENOMEM : set_grammar(decoder, PHONE_LOOP, vg_buf_str(&loop), "+");
    vg_buf_free(&loop);
    return err;
}

static int set_grammars(ps_decoder_t *decoder, const struct sphinx_lexicon *lexicon)
{
    for (size_t i = 0; i < lexicon->count; i++)
        if (!add_word(decoder, &lexicon->words[i]))
            return VG_EIO;
    int err = set_phone_loop(decoder);
    if (!err)
        err = set_word_grammar(decoder, lexicon, NULL);
    for (size_t i = 0; i < lexicon->count && !err; i++)
        err = set_word_grammar(decoder, lexicon, &lexicon->words[i]);
    return err;
}

int sphinx_words_load(struct sphinx_words **out, const struct sphinx_lexicon *lexicon, const char *model_dir)
{
    struct sphinx_words *w = calloc(1, sizeof *w);
    if (!w)
        return VG_ENOMEM;
    err_set_logfp(NULL); /* thousands of lines otherwise */
    w->lexicon = lexicon;
    w->step = STEP_DONE;
    w->vad = vg_vad_new();
    w->decoder = load_decoder(model_dir ? model_dir : DEBIAN_MODEL_DIR);
    int err = !w->vad ? VG_ENOMEM : !w->decoder ? VG_EIO : set_grammars(w->decoder, lexicon);
    if (err)
        sphinx_words_free(w);
    else
        *out = w;
    return err;
}

struct sphinx_words *sphinx_words_free(struct sphinx_words *w)
{
    if (!w)
        return NULL;
    if (w->decoder)
        ps_free(w->decoder);
    vg_vad_free(w->vad);
    free(w);
    return NULL;
}

/* ---------------------------------------------------------------------------------------------------- gate
 */
static double power_of(const int16_t *frame)
{
    double power = 0;
    for (int i = 0; i < VG_FRAME_SAMPLES; i++)
        power += (double)frame[i] * frame[i];
    return power;
}

/* What the loud part of an utterance is like, in frames. */
struct loud {
    size_t first, end; /* [first, end) */
    size_t loud, voiced, longest_gap;
};

static struct loud find_loud(struct vg_vad *vad, const int16_t *pcm, size_t frames)
{
    struct loud l = {0};
    double loudest = 0;
    for (size_t i = 0; i < frames; i++)
        loudest = fmax(loudest, power_of(pcm + i * VG_FRAME_SAMPLES));
    vg_vad_reset(vad);
    for (size_t i = 0; i < frames; i++) {
        const int16_t *frame = pcm + i * VG_FRAME_SAMPLES;
        bool voiced = vg_vad_process(vad, frame).voiced;
        double power = power_of(frame);
        if (power == 0 || power < loudest * SPEECH_POWER_RATIO)
            continue;
        if (!l.loud)
            l.first = i;
        else if (i - l.end > l.longest_gap)
            l.longest_gap = i - l.end;
        l.end = i + 1;
        l.loud++;
        l.voiced += voiced;
    }
    return l;
}

/* True if it may be one word; cuts it out. */
static bool gate(struct sphinx_words *w)
{
    size_t frames = w->samples / VG_FRAME_SAMPLES;
    struct loud l = find_loud(w->vad, w->pcm, frames);
    if (l.loud < SPEECH_MIN_FRAMES || l.end - l.first > SPEECH_MAX_FRAMES ||
        l.longest_gap > SPEECH_MAX_GAP_FRAMES || l.voiced < VOICED_MIN_FRAMES ||
        (double)l.voiced < VOICED_SHARE_MIN * (double)l.loud)
        return false;
    size_t from = l.first > MARGIN_FRAMES ? l.first - MARGIN_FRAMES : 0;
    size_t to = l.end + MARGIN_FRAMES < frames ? l.end + MARGIN_FRAMES : frames;
    w->pcm += from * VG_FRAME_SAMPLES;
    w->samples = (to - from) * VG_FRAME_SAMPLES;
    return true;
}

/* ------------------------------------------------------------------------------------------------ decoding
 */
/* Decodes the whole word with one grammar. NULL: no path came through. */
static const char *decode(struct sphinx_words *w, const char *grammar, int32 *score)
{
    if (ps_set_search(w->decoder, grammar) != 0 || ps_start_stream(w->decoder) != 0 ||
        ps_start_utt(w->decoder) != 0)
        return NULL;
    ps_process_raw(w->decoder, w->pcm, w->samples, FALSE, TRUE);
    w->frames = ps_get_n_frames(w->decoder);
    ps_end_utt(w->decoder);
    const char *text = w->frames > 0 ? ps_get_hyp(w->decoder, score) : NULL;
    return text && *text ? text : NULL;
}

static const struct sphinx_word *find_word(const struct sphinx_lexicon *lexicon, const char *name)
{
    for (size_t i = 0; name && i < lexicon->count; i++)
        if (strcmp(lexicon->words[i].name, name) == 0)
            return &lexicon->words[i];
    return NULL;
}

static void judge(struct sphinx_words *w, int32 phones_score)
{
    double lead = (2.0 * (double)w->best_score - (double)w->second_score - (double)phones_score) / w->frames;
    if (lead < w->lexicon->lead_min)
        w->best = NULL;
    else
        w->confidence = CONFIDENCE_MIN + (CONFIDENCE_MAX - CONFIDENCE_MIN) *
                                             fmin(1.0, (lead - w->lexicon->lead_min) / LEAD_SURE);
}

void sphinx_words_begin(struct sphinx_words *w, const int16_t *pcm, size_t samples)
{
    w->pcm = pcm;
    w->samples = samples;
    w->step = STEP_GATE;
    w->best = NULL;
    w->confidence = 0;
}

bool sphinx_words_step(struct sphinx_words *w)
{
    int32 score = 0;
    switch (w->step) {
    case STEP_GATE: w->step = gate(w) ? STEP_WORD : STEP_DONE; break;
    case STEP_WORD:
        w->best = find_word(w->lexicon, decode(w, ALL_WORDS, &w->best_score));
        w->step = w->best ? STEP_SECOND : STEP_DONE;
        break;
    case STEP_SECOND:
        /* Nothing else came through at all: as if the second were the first, so that the phones decide. */
        if (!decode(w, w->best->name, &w->second_score))
            w->second_score = w->best_score;
        w->step = STEP_PHONES;
        break;
    case STEP_PHONES:
        if (decode(w, PHONE_LOOP, &score))
            judge(w, score);
        else
            w->best = NULL;
        w->step = STEP_DONE;
        break;
    case STEP_DONE: break;
    }
    return w->step == STEP_DONE;
}

const char *sphinx_words_result(const struct sphinx_words *w, double *confidence)
{
    bool understood = w->step == STEP_DONE && w->best && *w->best->text;
    *confidence = understood ? w->confidence : 0;
    return understood ? w->best->text : "";
}
