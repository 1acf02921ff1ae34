/* The program that runs PocketSphinx in a process of the nursery, one for each call. */
#ifndef VG_STT_SPHINX_CHILD_H
#define VG_STT_SPHINX_CHILD_H

/* Loads the models in the nursery, so that the children share them. `config` is a vg_sphinx_config or NULL.
 */
int sphinx_child_preload(const void *config);
/* Serves one call by sphinx_wire.h, then returns. */
int sphinx_child_run(int fd, const void *config);

#endif
