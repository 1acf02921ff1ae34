/* What the adapters of this folder show: their operations, and the programs of those that run as processes.
 */
#ifndef VG_STT_ADAPTERS_H
#define VG_STT_ADAPTERS_H

#include "net/nursery.h"
#include "voxgate/stt.h"

/* How PocketSphinx runs; the config of its nursery program (NULL: all defaults). */
struct vg_sphinx_config {
    const char *model_dir; /* holds en-us/, en-us.lm.bin and cmudict-en-us.dict; NULL: Debian's package */
    /* Streaming as the library does it by default: no priming, no second pass. Only there to be measured
     * against: about 50 % word error on first utterances, where the recipe has 31. */
    bool naive;
};

/* English by CMU PocketSphinx, and single Arabic words; a process a call. */
extern const struct vg_stt_ops vg_stt_pocketsphinx;
extern const struct vg_nursery_program vg_stt_pocketsphinx_program;

/* No engine: tells how much it was given. For load and unit tests. */
extern const struct vg_stt_ops vg_stt_loopback;

#endif
