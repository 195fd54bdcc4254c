#include "fixture.h"

#include <sys/stat.h>

#include "mpi/wire/key_file.h"

static struct wire_client_key key_draw(void)
{
    struct wire_client_key key;
    struct wire_key_pair server;
    assert_int_equal(wire_key_pair_draw(&server), STATUS_OK);
    assert_int_equal(wire_key_pair_draw(&key.own), STATUS_OK);
    memcpy(key.server_key, server.public_key, WIRE_KEY_BYTES);
    return key;
}

static void test_a_key_comes_back_and_only_its_owner_can_read_it(void **state)
{
    struct wire_client_key made = key_draw(), back;
    char path[RUN_FILE_PATH_BYTES];
    struct stat found;
    mode_t before = umask(0); /* the most careless of settings */
    assert_int_equal(key_file_write(*state, &made), STATUS_OK);
    umask(before);
    assert_int_equal(key_file_path(*state, path), STATUS_OK);
    assert_int_equal(stat(path, &found), 0);
    assert_int_equal(found.st_mode & 07777, 0600);
    assert_int_equal(key_file_read(path, &back), STATUS_OK);
    assert_string_equal(back.server_key, made.server_key);
    assert_string_equal(back.own.public_key, made.own.public_key);
    assert_string_equal(back.own.secret_key, made.own.secret_key);
}

static void test_writing_again_replaces_a_file_others_could_read(void **state)
{
    struct wire_client_key made = key_draw();
    char path[RUN_FILE_PATH_BYTES];
    struct stat found;
    assert_int_equal(key_file_path(*state, path), STATUS_OK);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
    assert_int_equal(chmod(path, 0666), 0);
    assert_int_equal(key_file_write(*state, &made), STATUS_OK);
    assert_int_equal(stat(path, &found), 0);
    assert_int_equal(found.st_mode & 07777, 0600);
}

static void test_a_key_that_others_could_read_is_refused(void **state)
{
    static const mode_t modes[] = {0640, 0604, 0620, 0601};
    struct wire_client_key made = key_draw(), back;
    char path[RUN_FILE_PATH_BYTES];
    assert_int_equal(key_file_write(*state, &made), STATUS_OK);
    assert_int_equal(key_file_path(*state, path), STATUS_OK);
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        assert_int_equal(chmod(path, modes[i]), 0);
        assert_int_equal(key_file_read(path, &back), STATUS_IO);
        assert_int_equal(back.own.secret_key[0], 0);
    }
}

static void test_what_is_no_key_is_refused(void **state)
{
#define GOOD "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
#define FILE_OF(kind, secret)                                                                                \
    "{\"v\":1,\"kind\":\"" kind "\",\"server_key\":\"" GOOD "\",\"public_key\":\"" GOOD                      \
    "\",\"secret_key\":\"" secret "\"}"
    static const struct {
        const char *text;
        enum status expected;
    } files[] = {
        {FILE_OF("monitor key", GOOD), STATUS_OK},
        {"", STATUS_FORMAT},
        {"[]", STATUS_FORMAT},
        {"{\"v\":1}", STATUS_FORMAT},
        {FILE_OF("another key", GOOD), STATUS_FORMAT},
        {FILE_OF("monitor key", ""), STATUS_FORMAT},
        {FILE_OF("monitor key", "short"), STATUS_FORMAT},
        {FILE_OF("monitor key", "~q:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"), STATUS_FORMAT},
        {FILE_OF("monitor key", GOOD "00000"), STATUS_FORMAT},
    };
    char path[RUN_FILE_PATH_BYTES];
    struct wire_client_key back;
    assert_int_equal(key_file_path(*state, path), STATUS_OK);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fputs(files[i].text, file);
        assert_int_equal(fclose(file), 0);
        assert_int_equal(chmod(path, 0600), 0);
        assert_int_equal(key_file_read(path, &back), files[i].expected);
    }
}

static void test_a_huge_file_a_folder_and_no_file_are_refused(void **state)
{
    struct wire_client_key back;
    char path[RUN_FILE_PATH_BYTES];
    assert_int_equal(key_file_path(*state, path), STATUS_OK);
    assert_int_equal(key_file_read(path, &back), STATUS_NOT_FOUND);
    assert_int_equal(key_file_read(*state, &back), STATUS_IO);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 0; i < 100000; i++)
        fputc(' ', file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(key_file_read(path, &back), STATUS_FORMAT);
}

static void test_it_is_removed_once_and_again(void **state)
{
    struct wire_client_key made = key_draw(), back;
    char path[RUN_FILE_PATH_BYTES];
    assert_int_equal(key_file_write(*state, &made), STATUS_OK);
    assert_int_equal(key_file_path(*state, path), STATUS_OK);
    key_file_remove(*state);
    assert_int_equal(key_file_read(path, &back), STATUS_NOT_FOUND);
    key_file_remove(*state);
}

int main(void)
{
#define FOLDER_TEST(test) cmocka_unit_test_setup_teardown(test, folder_make, folder_remove)
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(test_a_key_comes_back_and_only_its_owner_can_read_it),
        FOLDER_TEST(test_writing_again_replaces_a_file_others_could_read),
        FOLDER_TEST(test_a_key_that_others_could_read_is_refused),
        FOLDER_TEST(test_what_is_no_key_is_refused),
        FOLDER_TEST(test_a_huge_file_a_folder_and_no_file_are_refused),
        FOLDER_TEST(test_it_is_removed_once_and_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
