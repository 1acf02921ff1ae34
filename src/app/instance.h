/* The identity of an instance: kept in its data folder, so that a restart knows the calls that were its own.
 */
#ifndef VG_APP_INSTANCE_H
#define VG_APP_INSTANCE_H

#include "base/err.h"
#include "base/id.h"

/* Makes the folder, takes its lock for the life of the process (one instance a folder) and reads or makes the
 * id. Errors: VG_EIO (cannot be written), VG_EEXIST (another process has it). */
int instance_load(const char *data_dir, char out[VG_ID_SIZE]) VG_MUST_CHECK;

#endif
