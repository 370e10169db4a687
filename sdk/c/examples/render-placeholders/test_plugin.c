#include <assert.h>
#include <springline_fake.h>
#include <stdlib.h>
#include <string.h>

static void replaces_placeholders(void)
{
    springline_fake_reset();
    springline_fake_values("{\"host\": \"example.org\", \"replicas\": 3, \"debug\": false, \"a/b~\": 1.50}");
    springline_fake_artifact("site", "index.html", "<h1>");
    springline_fake_input("app.yaml", "name: ${application}-${environment}\nhost: ${values.host} $ $${values.replicas}\n");
    springline_fake_input("b/more", "${values.debug} ${values.a/b~}\r\n${artifacts.site}$");
    springline_fake_input_bytes("binary", "\xff${nonsense", 11);
    springline_fake_input_link("link", "app.yaml");
    springline_fake_input("empty", "");

    assert(springline_fake_render("{\"prefix\": \"web/\"}") == SPRINGLINE_OK);
    springline_fake_same(springline_fake_objects(), "web/app.yaml\nweb/b/more\nweb/binary\nweb/empty\n");
    springline_fake_same(springline_fake_object("web/app.yaml"), "name: example-test\nhost: example.org $ $3\n");
    springline_fake_same(springline_fake_object("web/empty"), "");
    const char *more = springline_fake_object("web/b/more");
    assert(strncmp(more, "false 1.50\r\nsha256:", 19) == 0);
    assert(more[strlen(more) - 1] == '$');
    size_t size;
    assert(memcmp(springline_fake_object_bytes("web/binary", &size), "\xff${nonsense", 11) == 0 && size == 11);
}

static void reports_every_mistake(void)
{
    springline_fake_reset();
    springline_fake_values("{\"list\": []}");
    springline_fake_input("a", "${values.none}${values.list}\n${artifacts.none}\n${application\n}${name}");
    assert(springline_fake_render("{\"artifacts\": [\"site\"]}") == SPRINGLINE_INVALID);
    springline_fake_same(springline_fake_error(), "a:1: no value `none`\n"
                                                  "a:1: no value `list`\n"
                                                  "a:2: no artifact `none`\n"
                                                  "a:3: `${` without `}`\n"
                                                  "a:4: unknown placeholder `name`\n"
                                                  "/artifacts/0: no artifact `site`");
}

static void large_objects_and_the_manifest_are_blobs(void)
{
    springline_fake_reset();
    springline_fake_artifact("site", "index.html", "<h1>");
    size_t size = SPRINGLINE_CHUNK + 1;
    char *large = malloc(size);
    memset(large, 'x', size);
    springline_fake_input_bytes("large", large, size);
    springline_fake_input_bytes("small", large, SPRINGLINE_CHUNK);
    free(large);
    assert(springline_fake_render("{\"artifacts\": [\"site\"], \"manifest\": true}") == SPRINGLINE_OK);
    assert(springline_fake_object_body("large") == SPRINGLINE_BLOB);
    assert(springline_fake_object_body("small") == SPRINGLINE_INLINE);
    assert(springline_fake_object_body("artifacts/site") == SPRINGLINE_TREE);
    assert(springline_fake_object_body("manifest.txt") == SPRINGLINE_BLOB);
    springline_fake_same(springline_fake_object("manifest.txt"), "large\nsmall\nartifacts/site\n");
    assert(springline_fake_object_bytes("large", &size) != NULL && size == SPRINGLINE_CHUNK + 1);
}

int main(void)
{
    replaces_placeholders();
    reports_every_mistake();
    large_objects_and_the_manifest_are_blobs();
}
