/* Addresses, CIDR blocks and X-Forwarded-For. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/address.h"

static struct address parse(const char *text)
{
    struct address a;
    assert_int_equal(address_parse(&a, text, strlen(text)), 0);
    return a;
}

static void addresses_are_read_with_and_without_ports(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"1.2.3.4", "1.2.3.4"}, {"1.2.3.4:80", "1.2.3.4"},     {"::1", "::1"},
        {"[::1]:443", "::1"},   {"::ffff:9.8.7.6", "9.8.7.6"}, {"2001:DB8::5", "2001:db8::5"},
    };
    for (size_t i = 0; i < VG_COUNT_OF(pairs); i++) {
        struct address a = parse(pairs[i][0]);
        char text[ADDRESS_SIZE];
        address_print(&a, text);
        assert_string_equal(text, pairs[i][1]);
    }
    struct address a;
    static const char *const bad[] = {"", "1.2.3", "unknown", "[::1", "1.2.3.4.5", "_hidden"};
    for (size_t i = 0; i < VG_COUNT_OF(bad); i++)
        assert_int_equal(address_parse(&a, bad[i], strlen(bad[i])), VG_EPARSE);
}

static void blocks_hold_what_they_cover(void **state)
{
    (void)state;
    struct address_set *set;
    assert_int_equal(address_set_new(&set, "10.0.0.0/8, 192.168.1.128/25,2001:db8::/33 , ::1"), 0);
    static const struct {
        const char *address;
        bool in;
    } cases[] = {
        {"10.255.1.2", true},    {"11.0.0.1", false},         {"192.168.1.200", true}, {"192.168.1.5", false},
        {"2001:db8:1::1", true}, {"2001:db8:8000::1", false}, {"::1", true},           {"::2", false},
    };
    for (size_t i = 0; i < VG_COUNT_OF(cases); i++) {
        struct address a = parse(cases[i].address);
        assert_int_equal(address_set_has(set, &a), cases[i].in);
    }
    address_set_free(set);
    static const char *const bad[] = {"10.0.0.0/33", "10.0.0.0/", "x", "10.0.0.0/8 11.0.0.0/8", "::/129"};
    for (size_t i = 0; i < VG_COUNT_OF(bad); i++)
        assert_int_equal(address_set_new(&set, bad[i]), VG_EPARSE);
    assert_int_equal(address_set_new(&set, NULL), 0);
    struct address a = parse("1.2.3.4");
    assert_false(address_set_has(set, &a));
    address_set_free(set);
}

static void forwarded(const char *peer, const char *header, const char *want)
{
    struct address_set *set;
    assert_int_equal(address_set_new(&set, "10.0.0.0/8"), 0);
    struct address a = parse(peer);
    address_forwarded(&a, header, set);
    char text[ADDRESS_SIZE];
    address_print(&a, text);
    assert_string_equal(text, want);
    address_set_free(set);
}

static void the_client_is_the_last_hop_that_is_not_trusted(void **state)
{
    (void)state;
    forwarded("10.0.0.1", "6.6.6.6, 203.0.113.9", "203.0.113.9");
    forwarded("10.0.0.1", "6.6.6.6,203.0.113.9 , 10.9.9.9", "203.0.113.9");
    forwarded("10.0.0.1", "10.1.1.1, 10.2.2.2", "10.1.1.1");
    forwarded("203.0.113.1", "6.6.6.6", "203.0.113.1"); /* not a proxy of ours: not believed */
    forwarded("10.0.0.1", "6.6.6.6, junk", "10.0.0.1");
    forwarded("10.0.0.1", "", "10.0.0.1");
    forwarded("10.0.0.1", NULL, "10.0.0.1");
    forwarded("10.0.0.1", "[2001:db8::7]:1234", "2001:db8::7");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_read_with_and_without_ports),
        cmocka_unit_test(blocks_hold_what_they_cover),
        cmocka_unit_test(the_client_is_the_last_hop_that_is_not_trusted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
