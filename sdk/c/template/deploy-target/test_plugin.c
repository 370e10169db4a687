#include <assert.h>
#include <springline_fake.h>

int main(void)
{
    springline_fake_reset();
    springline_fake_desire("hello.txt", "Hello\n");
    springline_fake_desire("old.txt", "Bye\n");
    assert(springline_fake_sync("{}") == SPRINGLINE_OK);
    springline_fake_same(springline_fake_live("hello.txt"), "Hello\n");

    springline_fake_desire_nothing();
    springline_fake_desire("hello.txt", "Hello again\n");
    assert(springline_fake_sync("{}") == SPRINGLINE_OK);
    springline_fake_same(springline_fake_changes(), "update hello.txt\ndelete old.txt\n");
    springline_fake_same(springline_fake_live_all(), "hello.txt example/test\n");
}
