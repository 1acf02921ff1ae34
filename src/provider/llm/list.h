/* All language adapters. A new one is one file and one line in list.c. Any thread. */
#ifndef VG_PROVIDER_LLM_LIST_H
#define VG_PROVIDER_LLM_LIST_H

#include <stddef.h>

#include "voxgate/llm.h"

extern const struct vg_llm_ops vg_llm_builtin;
extern const struct vg_llm_ops vg_llm_loopback;

/* How people are told what "builtin" is: it is no language model and is never called one. */
#define VG_LLM_BUILTIN_TITLE "built-in answers (no AI model)"

/* The adapter of this name, NULL if there is none. */
const struct vg_llm_ops *vg_llm_find(const char *name);
/* All adapters; returns their number. */
size_t vg_llm_list(const struct vg_llm_ops *const **out);

#endif
