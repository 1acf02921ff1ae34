/* WAV files as they really are, and as nobody should write them. */
#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audio/wav.h"

/* A file in memory, written field by field. */
struct image {
    uint8_t bytes[512];
    size_t size;
};

static void put(struct image *w, const void *bytes, size_t n)
{
    memcpy(w->bytes + w->size, bytes, n);
    w->size += n;
}

static void put16(struct image *w, unsigned v)
{
    uint8_t b[2] = {(uint8_t)v, (uint8_t)(v >> 8)};
    put(w, b, 2);
}

static void put32(struct image *w, uint32_t v)
{
    put16(w, v & 0xffff);
    put16(w, v >> 16);
}

static void put_fmt(struct image *w, unsigned format, unsigned channels, uint32_t rate_hz, unsigned bits)
{
    put(w, "fmt ", 4);
    put32(w, 16);
    put16(w, format);
    put16(w, channels);
    put32(w, rate_hz);
    put32(w, rate_hz * channels * bits / 8);
    put16(w, channels * bits / 8);
    put16(w, bits);
}

static struct image riff(void)
{
    struct image w = {.size = 0};
    put(&w, "RIFF", 4);
    put32(&w, 0);
    put(&w, "WAVE", 4);
    return w;
}

static int parse(const struct image *w, struct vg_wav *out)
{
    FILE *f = fmemopen((void *)(uintptr_t)w->bytes, w->size, "rb");
    assert_non_null(f);
    int err = vg_wav_read_file(f, out);
    fclose(f);
    return err;
}

static void written_file_is_read_back(void **state)
{
    (void)state;
    char path[] = "/tmp/vg-wav-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    static int16_t pcm[50000];
    for (int i = 0; i < 50000; i++)
        pcm[i] = (int16_t)(i * 31);
    assert_int_equal(vg_wav_write(path, pcm, 50000, 22050), VG_OK);
    struct vg_wav w;
    assert_int_equal(vg_wav_read(path, &w), VG_OK);
    assert_int_equal(w.rate_hz, 22050);
    assert_int_equal(w.samples, 50000);
    assert_memory_equal(w.pcm, pcm, sizeof pcm);
    vg_wav_free(&w);
    assert_null(w.pcm);
    unlink(path);
    assert_int_equal(vg_wav_read(path, &w), VG_EIO);
    assert_int_equal(vg_wav_write("/nowhere/at/all.wav", pcm, 1, 8000), VG_EIO);
    assert_int_equal(vg_wav_write(path, pcm, 1, 0), VG_EINVAL);
}

static void other_chunks_are_stepped_over_with_their_padding(void **state)
{
    (void)state;
    struct image w = riff();
    put(&w, "LIST", 4);
    put32(&w, 5);
    put(&w, "abcde\0", 6);
    put_fmt(&w, 1, 1, 8000, 16);
    put(&w, "data", 4);
    put32(&w, 4);
    put16(&w, 7);
    put16(&w, (uint16_t)-7);
    put(&w, "junk after the samples", 22);
    struct vg_wav out;
    assert_int_equal(parse(&w, &out), VG_OK);
    assert_int_equal(out.samples, 2);
    assert_int_equal(out.pcm[0], 7);
    assert_int_equal(out.pcm[1], -7);
    vg_wav_free(&out);
}

static void stereo_is_averaged(void **state)
{
    (void)state;
    struct image w = riff();
    put_fmt(&w, 1, 2, 44100, 16);
    put(&w, "data", 4);
    put32(&w, 8);
    put16(&w, 1000);
    put16(&w, 3000);
    put16(&w, 32767);
    put16(&w, 32767);
    struct vg_wav out;
    assert_int_equal(parse(&w, &out), VG_OK);
    assert_int_equal(out.samples, 2);
    assert_int_equal(out.pcm[0], 2000);
    assert_int_equal(out.pcm[1], 32767);
    vg_wav_free(&out);
}

static void g711_and_extensible_formats_are_read(void **state)
{
    (void)state;
    struct vg_wav out;
    struct image ulaw = riff();
    put_fmt(&ulaw, 7, 1, 8000, 8);
    put(&ulaw, "data\3\0\0\0\x00\x80\xff", 11);
    assert_int_equal(parse(&ulaw, &out), VG_OK);
    assert_int_equal(out.samples, 3);
    assert_int_equal(out.pcm[0], -32124);
    vg_wav_free(&out);

    struct image alaw = riff();
    put_fmt(&alaw, 6, 1, 8000, 8);
    put(&alaw, "data\1\0\0\0\xaa", 9);
    assert_int_equal(parse(&alaw, &out), VG_OK);
    assert_int_equal(out.pcm[0], 32256);
    vg_wav_free(&out);

    struct image ext = riff();
    put_fmt(&ext, 0xfffe, 1, 16000, 16);
    ext.bytes[16] = 40;
    put(&ext, "\x16\0\x10\0\0\0\0\0\1\0\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71", 24);
    put(&ext, "data\2\0\0\0\5\0", 10);
    assert_int_equal(parse(&ext, &out), VG_OK);
    assert_int_equal(out.samples, 1);
    assert_int_equal(out.pcm[0], 5);
    vg_wav_free(&out);
}

static void sizes_that_lie_end_with_the_file(void **state)
{
    (void)state;
    const uint32_t claims[] = {0, 0xffffffff, 0xfffffffe, 1000};
    for (size_t i = 0; i < VG_COUNT_OF(claims); i++) {
        struct image w = riff();
        put_fmt(&w, 1, 1, 16000, 16);
        put(&w, "data", 4);
        put32(&w, claims[i]);
        put(&w, "\1\0\2\0\3", 5);
        struct vg_wav out;
        assert_int_equal(parse(&w, &out), VG_OK);
        assert_int_equal(out.samples, 2);
        vg_wav_free(&out);
    }
}

static void anything_else_is_raw_16_khz(void **state)
{
    (void)state;
    struct image w = {.size = 0};
    put(&w, "\1\0\2\0\3\0", 6);
    struct vg_wav out;
    assert_int_equal(parse(&w, &out), VG_OK);
    assert_int_equal(out.samples, 3);
    assert_int_equal(out.rate_hz, 16000);
    assert_int_equal(out.pcm[2], 3);
    vg_wav_free(&out);
    struct image tiny = {.bytes = {9}, .size = 1};
    assert_int_equal(parse(&tiny, &out), VG_OK);
    assert_int_equal(out.samples, 0);
    vg_wav_free(&out);
}

static void broken_and_foreign_headers_are_refused(void **state)
{
    (void)state;
    struct vg_wav out = {0};
    struct image no_form = {.size = 0};
    put(&no_form, "RIFF\0\0\0\0AVI ", 12);
    assert_int_equal(parse(&no_form, &out), VG_EPARSE);
    struct image bare = riff();
    assert_int_equal(parse(&bare, &out), VG_EPARSE);
    struct image no_fmt = riff();
    put(&no_fmt, "data\2\0\0\0\1\0", 10);
    assert_int_equal(parse(&no_fmt, &out), VG_EPARSE);
    struct image huge_chunk = riff();
    put(&huge_chunk, "LIST\xff\xff\xff\xff", 8);
    assert_int_equal(parse(&huge_chunk, &out), VG_EPARSE);
    struct image short_fmt = riff();
    put(&short_fmt, "fmt \4\0\0\0\1\0\1\0", 12);
    assert_int_equal(parse(&short_fmt, &out), VG_EPARSE);
    const unsigned bad[][4] = {{1, 1, 16000, 24}, {1, 0, 16000, 16},  {1, 99, 16000, 16}, {3, 1, 16000, 32},
                               {1, 1, 0, 16},     {1, 1, 999999, 16}, {7, 1, 8000, 16}};
    for (size_t i = 0; i < VG_COUNT_OF(bad); i++) {
        struct image w = riff();
        put_fmt(&w, bad[i][0], bad[i][1], bad[i][2], bad[i][3]);
        put(&w, "data\2\0\0\0\1\0", 10);
        assert_int_equal(parse(&w, &out), VG_ENOTSUP);
    }
    assert_null(out.pcm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_file_is_read_back),
        cmocka_unit_test(other_chunks_are_stepped_over_with_their_padding),
        cmocka_unit_test(stereo_is_averaged),
        cmocka_unit_test(g711_and_extensible_formats_are_read),
        cmocka_unit_test(sizes_that_lie_end_with_the_file),
        cmocka_unit_test(anything_else_is_raw_16_khz),
        cmocka_unit_test(broken_and_foreign_headers_are_refused),
    };
    return cmocka_run_group_tests_name("audio wav", tests, NULL, NULL);
}
