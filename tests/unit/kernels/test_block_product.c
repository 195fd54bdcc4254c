#include <stdio.h>

#include "compute/kernels/block_product.h"
#include "tests/unit/kernels/kernel_test.h"

/* A product over random sizes whose operands overlap as a convolution's do, and its result by the definition.
 */
struct problem {
    struct block_product product;
    struct pair a, b, c;
};

static struct problem problem_draw(struct draw *draw)
{
    struct problem p = {0};
    struct block_product *s = &p.product;
    s->images = draw_between(draw, 1, 3);
    s->lines = draw_between(draw, 1, 3);
    s->rows = draw_between(draw, 1, 30);
    s->columns =
        draw_between(draw, 0, 1) ? BLOCK_PANEL * draw_between(draw, 1, 5) : draw_between(draw, 1, 80);
    s->batches = draw_between(draw, 1, 3);
    s->segments = draw_between(draw, 1, 3);
    s->depth = draw_between(draw, 1, 40);
    s->accumulate = draw_between(draw, 0, 1);
    s->a.column = draw_between(draw, 1, 3);
    s->a.row = draw_between(draw, 1, 50);
    s->a.segment = draw_between(draw, 1, 100);
    s->a.batch = draw_between(draw, 1, 100);
    s->a.line = draw_between(draw, 1, 100);
    s->a.image = draw_between(draw, 1, 100);
    bool panelled = draw_between(draw, 0, 1);
    ptrdiff_t steps = s->batches * s->segments * s->depth;
    s->b.row = panelled ? BLOCK_PANEL : s->columns + draw_between(draw, 0, 5);
    s->b.panel = panelled ? steps * BLOCK_PANEL : BLOCK_PANEL;
    s->b.segment = s->depth * s->b.row;
    s->b.batch = s->segments * s->b.segment;
    s->c.row = s->columns + draw_between(draw, 0, 5);
    s->c.line = s->rows * s->c.row;
    s->c.image = s->lines * s->c.line;
    ptrdiff_t a_floats = s->images * s->a.image + s->lines * s->a.line + s->rows * s->a.row +
                         s->batches * s->a.batch + s->segments * s->a.segment + s->depth * s->a.column;
    ptrdiff_t panels = (s->columns + BLOCK_PANEL - 1) / BLOCK_PANEL;
    ptrdiff_t b_floats = panelled ? steps * panels * BLOCK_PANEL : steps * s->b.row + BLOCK_PANEL;
    p.a = pair_normal(draw, (size_t)a_floats);
    p.b = pair_normal(draw, (size_t)b_floats);
    p.c = pair_normal(draw, (size_t)(s->images * s->c.image));
    s->a.data = p.a.f;
    s->b.data = p.b.f;
    s->c.data = p.c.f;
    return p;
}

static void problem_free(struct problem *p)
{
    pair_free(&p->a);
    pair_free(&p->b);
    pair_free(&p->c);
}

/* One element of a row of c, in float64. */
static double element(const struct problem *p, ptrdiff_t a, ptrdiff_t column)
{
    const struct block_product *s = &p->product;
    double sum = 0;
    for (ptrdiff_t batch = 0; batch < s->batches; batch++)
        for (ptrdiff_t segment = 0; segment < s->segments; segment++)
            for (ptrdiff_t l = 0; l < s->depth; l++)
                sum += p->a.d[a + batch * s->a.batch + segment * s->a.segment + l * s->a.column] *
                       p->b.d[batch * s->b.batch + segment * s->b.segment + l * s->b.row +
                              column / BLOCK_PANEL * s->b.panel + column % BLOCK_PANEL];
    return sum;
}

/* Sets c.d, of which c.f still is the value before. */
static void problem_solve(struct problem *p)
{
    const struct block_product *s = &p->product;
    for (ptrdiff_t image = 0; image < s->images; image++)
        for (ptrdiff_t line = 0; line < s->lines; line++)
            for (ptrdiff_t row = 0; row < s->rows; row++)
                for (ptrdiff_t column = 0; column < s->columns; column++) {
                    ptrdiff_t c = image * s->c.image + line * s->c.line + row * s->c.row + column;
                    double sum = element(p, image * s->a.image + line * s->a.line + row * s->a.row, column);
                    p->c.d[c] = sum + (s->accumulate ? p->c.d[c] : 0.0);
                }
}

static void test_random_problems(void **state)
{
    (void)state;
    struct draw draw = {.seed = 1};
    for (int i = 0; i < 200; i++) {
        struct problem p = problem_draw(&draw);
        problem_solve(&p);
        block_product_run(&p.product);
        char text[32];
        snprintf(text, sizeof text, "problem %d", i);
        assert_pair_agrees("c", text, &p.c);
        problem_free(&p);
    }
}

/* The kernel of another processor gives the same bytes, so the width of registers does not matter. */
static void test_kernels_agree_to_the_byte(void **state)
{
    (void)state;
#if defined(__x86_64__) && defined(__FMA__) /* a base without fused multiply-adds rounds twice */
    if (!block_product_has_avx512())
        skip();
    struct draw draw = {.seed = 2};
    for (int i = 0; i < 100; i++) {
        struct problem p = problem_draw(&draw);
        struct pair base = pair_zeros(p.c.count);
        memcpy(base.f, p.c.f, p.c.count * sizeof *base.f);
        block_product_avx512(&p.product);
        p.product.c.data = base.f;
        block_product_base(&p.product);
        assert_memory_equal(base.f, p.c.f, p.c.count * sizeof *base.f);
        pair_free(&base);
        problem_free(&p);
    }
#else
    skip();
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_problems),
        cmocka_unit_test(test_kernels_agree_to_the_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
