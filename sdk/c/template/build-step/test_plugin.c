#include <assert.h>
#include <springline_fake.h>

int main(void)
{
    springline_fake_reset();
    assert(springline_fake_run("{\"name\": \"Ada\"}") == SPRINGLINE_OK);
    springline_fake_same(springline_fake_output("hello.txt"), "Hello, Ada\n");
}
