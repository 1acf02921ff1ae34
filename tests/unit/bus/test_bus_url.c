/* Tests of src/bus/url.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bus/url.h"

static void takes_host_port_and_database(void **state)
{
    (void)state;
    struct bus_url u;
    assert_int_equal(bus_url_parse("redis://cache.example:6380/3", &u), VG_OK);
    assert_string_equal(u.host, "cache.example");
    assert_int_equal(u.port, 6380);
    assert_int_equal(u.db, 3);
    assert_null(u.path);
    assert_null(u.password);
    bus_url_free(&u);
    assert_int_equal(bus_url_parse("redis://h", &u), VG_OK);
    assert_int_equal(u.port, 6379);
    assert_int_equal(u.db, 0);
    bus_url_free(&u);
    assert_int_equal(bus_url_parse("redis://[::1]:7000/", &u), VG_OK);
    assert_string_equal(u.host, "::1");
    assert_int_equal(u.port, 7000);
    bus_url_free(&u);
}

static void decodes_credentials(void **state)
{
    (void)state;
    struct bus_url u;
    assert_int_equal(bus_url_parse("redis://us%40er:p%3Aa%2fss@h/1", &u), VG_OK);
    assert_string_equal(u.user, "us@er");
    assert_string_equal(u.password, "p:a/ss");
    bus_url_free(&u);
    assert_int_equal(bus_url_parse("redis://:secret@h", &u), VG_OK);
    assert_null(u.user);
    assert_string_equal(u.password, "secret");
    bus_url_free(&u);
}

static void takes_unix_sockets(void **state)
{
    (void)state;
    struct bus_url u;
    assert_int_equal(bus_url_parse("unix:///run/redis/redis.sock?db=2", &u), VG_OK);
    assert_string_equal(u.path, "/run/redis/redis.sock");
    assert_int_equal(u.db, 2);
    bus_url_free(&u);
    assert_int_equal(bus_url_parse("unix://:pw@/run/r.sock", &u), VG_OK);
    assert_string_equal(u.password, "pw");
    bus_url_free(&u);
}

static void refuses_what_it_cannot_do(void **state)
{
    (void)state;
    struct bus_url u;
    assert_int_equal(bus_url_parse("rediss://h:6379", &u), VG_ENOTSUP);
    assert_int_equal(bus_url_parse("http://h", &u), VG_ENOTSUP);
    static const char *const bad[] = {"",
                                      "redis",
                                      "redis://",
                                      "redis://h:0",
                                      "redis://h:x",
                                      "redis://h:70000",
                                      "redis://h/x",
                                      "redis://[::1",
                                      "unix://",
                                      "unix://rel",
                                      "redis://a%zz:b@h",
                                      "redis://a%00:b@h",
                                      "redis://:6379"};
    for (size_t i = 0; i < VG_COUNT_OF(bad); i++)
        assert_int_equal(bus_url_parse(bad[i], &u), VG_EPARSE);
    assert_int_equal(bus_url_parse(NULL, &u), VG_EPARSE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_host_port_and_database),
        cmocka_unit_test(decodes_credentials),
        cmocka_unit_test(takes_unix_sockets),
        cmocka_unit_test(refuses_what_it_cannot_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
