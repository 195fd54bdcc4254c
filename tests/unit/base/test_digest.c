#include "tests/unit/base/scratch_folder.h"

#include "compute/base/digest.h"

static void digest_hex(const char *a, size_t a_bytes, const char *b, size_t b_bytes,
                       char hex[DIGEST_HEX_BYTES])
{
    struct digest_state state;
    uint8_t digest[DIGEST_BYTES];
    digest_begin(&state);
    digest_add(&state, a, a_bytes);
    digest_add(&state, b, b_bytes);
    digest_end(&state, digest);
    digest_to_hex(digest, hex);
}

/* Values of Python's hashlib.blake2b(…, digest_size=32). */
static void test_known_values(void **state)
{
    char hex[DIGEST_HEX_BYTES];
    (void)state;
    digest_hex(NULL, 0, NULL, 0, hex);
    assert_string_equal(hex, "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
    digest_hex("abc", 3, NULL, 0, hex);
    assert_string_equal(hex, "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
}

static void test_pieces_do_not_matter(void **state)
{
    char whole[DIGEST_HEX_BYTES], pieces[DIGEST_HEX_BYTES];
    (void)state;
    digest_hex("abcdef", 6, NULL, 0, whole);
    digest_hex("ab", 2, "cdef", 4, pieces);
    assert_string_equal(whole, pieces);
}

static void test_one_bit_matters(void **state)
{
    char a[DIGEST_HEX_BYTES], b[DIGEST_HEX_BYTES];
    (void)state;
    digest_hex("abc", 3, NULL, 0, a);
    digest_hex("abb", 3, NULL, 0, b);
    assert_string_not_equal(a, b);
}

/* More than is read at once; a stream that is shorter than was said is damaged. */
static void test_files(void **state)
{
    struct scratch *scratch = *state;
    uint8_t digest[DIGEST_BYTES];
    char whole[DIGEST_HEX_BYTES], of_file[DIGEST_HEX_BYTES];
    const size_t bytes = ((size_t)1 << 20) + 5;
    char *content = malloc(bytes);
    assert_non_null(content);
    for (size_t i = 0; i < bytes; i++)
        content[i] = (char)(i % 251);
    file_write(scratch_path(scratch, "file"), content, bytes);
    digest_hex(content, bytes, NULL, 0, whole);
    free(content);
    assert_int_equal(digest_file(scratch_path(scratch, "file"), digest), STATUS_OK);
    digest_to_hex(digest, of_file);
    assert_string_equal(whole, of_file);

    struct digest_state shorter;
    FILE *file = fopen(scratch_path(scratch, "file"), "re");
    assert_non_null(file);
    digest_begin(&shorter);
    assert_int_equal(digest_add_stream(&shorter, file, "file", bytes + 1), STATUS_FORMAT);
    assert_non_null(strstr(error_message(), "1 bytes short"));
    fclose(file);
    assert_int_equal(digest_file(scratch_path(scratch, "none"), digest), STATUS_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_values),
        cmocka_unit_test(test_pieces_do_not_matter),
        cmocka_unit_test(test_one_bit_matters),
        cmocka_unit_test_setup_teardown(test_files, scratch_setup, scratch_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
