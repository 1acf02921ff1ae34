/* What cmocka needs before it. */
#ifndef VG_TEST_CMOCKA_ALL_H
#define VG_TEST_CMOCKA_ALL_H

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#endif
