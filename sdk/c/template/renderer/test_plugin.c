#include <assert.h>
#include <springline_fake.h>

int main(void)
{
    springline_fake_reset();
    springline_fake_application("shop");
    assert(springline_fake_render("{\"name\": \"Ada\"}") == SPRINGLINE_OK);
    springline_fake_same(springline_fake_object("hello.txt"), "Hello, Ada, from shop\n");
}
