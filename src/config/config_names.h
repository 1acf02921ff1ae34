/* The names of all settings, and the one that somebody may have meant. Pure. src/config alone. */
#ifndef VG_CONFIG_CONFIG_NAMES_H
#define VG_CONFIG_CONFIG_NAMES_H

#include <stdbool.h>

bool config_name_known(const char *name);
/* The setting that is meant by a name that is none: the one that few typing errors lead from, where a
 * VOXGATE_ too much or too little and lower case count for nothing. NULL: none is near. */
const char *config_name_meant(const char *name);

#endif
