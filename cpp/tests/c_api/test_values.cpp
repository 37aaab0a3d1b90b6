// The C functions compute what the C++ ones do, to the last bit.
#include <complex>
#include <thread>

#include "arguments.hpp"

namespace {

using namespace kiessig_test;

constexpr double k_unwritten = -7.0;

Numbers points(const Arguments& a) { return Numbers(static_cast<std::size_t>(a.n_batch * a.n_q), k_unwritten); }

// Calls with room for a message; a call that fails is a failed check, with its message.
#define CHECK_OK(function, ...)                                                                \
  do {                                                                                         \
    Report report;                                                                             \
    report.status = function(__VA_ARGS__, report.text, sizeof report.text);                    \
    if (report.status != KIESSIG_OK) check::fail(__FILE__, __LINE__, report.text);             \
    if (report.text[0] != '\0') check::fail(__FILE__, __LINE__, "success has left a message"); \
  } while (false)

}  // namespace

TEST_CASE(c_values) {
  const Arguments a(1, 3, 20, 4);
  const kiessig_batch batch = a.c();
  Numbers r = points(a), expected = points(a);
  CHECK_OK(kiessig_reflectivity, &batch, r.data());
  kiessig::reflectivity(a.cpp(), expected.data());
  CHECK(r == expected);
}

TEST_CASE(c_amplitude) {
  Arguments a(2, 3, 20, 4);
  a.dq[1] = a.scale[0] = a.background[2] = std::nan("");  // not read
  const kiessig_batch batch = a.c();
  Numbers v(static_cast<std::size_t>(2 * a.n_batch * a.n_q), k_unwritten);
  std::vector<std::complex<double>> expected(v.size() / 2);
  CHECK_OK(kiessig_amplitude, &batch, v.data());
  kiessig::amplitude(a.cpp(), expected.data());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CHECK(v[2 * i] == expected[i].real());
    CHECK(v[2 * i + 1] == expected[i].imag());
  }
}

TEST_CASE(c_jacobian) {
  const Arguments a(3, 2, 20, 4);
  const kiessig_batch batch = a.c();
  Numbers r = points(a), expected_r = points(a);
  Fields jacobian(a, a.n_q, k_unwritten), expected(a, a.n_q, k_unwritten);
  const kiessig_derivatives out = jacobian.c();
  CHECK_OK(kiessig_reflectivity_jacobian, &batch, r.data(), &out);
  kiessig::reflectivity_jacobian(a.cpp(), expected_r.data(), expected.cpp());
  CHECK(r == expected_r);
  CHECK(jacobian == expected);
}

TEST_CASE(c_jacobian_in_part) {
  const Arguments a(4, 2, 20, 4);
  const kiessig_batch batch = a.c();
  Numbers r = points(a);
  Fields all(a, a.n_q, k_unwritten), part(a, a.n_q, k_unwritten);
  const kiessig_derivatives out = all.c();
  CHECK_OK(kiessig_reflectivity_jacobian, &batch, r.data(), &out);
  kiessig_derivatives few = kiessig_derivatives_default();
  few.roughness = part.roughness.data();
  few.dq = part.dq.data();
  CHECK_OK(kiessig_reflectivity_jacobian, &batch, r.data(), &few);
  CHECK(part.roughness == all.roughness);
  CHECK(part.dq == all.dq);
  CHECK(part.sld == Fields(a, a.n_q, k_unwritten).sld);
}

TEST_CASE(c_vjp) {
  const Arguments a(5, 3, 20, 4);
  const kiessig_batch batch = a.c();
  const Numbers weights = Arguments(6, 3, 20, 4).q;
  Numbers r = points(a), expected_r = points(a);
  Fields gradient(a, 1, k_unwritten), expected(a, 1, k_unwritten);
  const kiessig_derivatives out = gradient.c();
  CHECK_OK(kiessig_reflectivity_vjp, &batch, kiessig_rows{weights.data(), a.n_q}, r.data(), &out);
  kiessig::reflectivity_vjp(a.cpp(), {weights.data(), a.n_q}, expected_r.data(), expected.cpp());
  CHECK(r == expected_r);
  CHECK(gradient == expected);
}

TEST_CASE(c_jvp) {
  const Arguments a(7, 3, 20, 4), along(8, 3, 20, 4);
  const kiessig_batch batch = a.c();
  kiessig_tangents tangents = kiessig_tangents_default();
  kiessig::SpecularFields<kiessig::Rows> same;
  tangents.thickness = {along.thickness.data(), a.n_layers};
  same.thickness = {along.thickness.data(), a.n_layers};
  tangents.sld = {along.sld.data(), a.n_layers + 2};
  same.sld = {along.sld.data(), a.n_layers + 2};
  tangents.sld_imag = {along.sld_imag.data(), a.n_layers + 2};
  same.sld_imag = {along.sld_imag.data(), a.n_layers + 2};
  tangents.roughness = {along.roughness.data(), 0};
  same.roughness = {along.roughness.data(), 0};
  tangents.q = {along.q.data(), a.n_q};
  same.q = {along.q.data(), a.n_q};
  tangents.scale = {along.scale.data(), 1};
  same.scale = {along.scale.data(), 1};
  tangents.background = {along.background.data(), 1};
  same.background = {along.background.data(), 1};
  tangents.dq = {along.dq.data(), a.n_q};
  same.dq = {along.dq.data(), a.n_q};
  Numbers r = points(a), dr = points(a), expected_r = points(a), expected_dr = points(a);
  CHECK_OK(kiessig_reflectivity_jvp, &batch, &tangents, r.data(), dr.data());
  kiessig::reflectivity_jvp(a.cpp(), same, expected_r.data(), expected_dr.data());
  CHECK(r == expected_r);
  CHECK(dr == expected_dr);
  const kiessig_tangents none = kiessig_tangents_default();
  CHECK_OK(kiessig_reflectivity_jvp, &batch, &none, r.data(), dr.data());
  for (const double x : dr) CHECK(x == 0.0);
}

TEST_CASE(c_fixed_rule) {
  const Arguments a(9, 2, 20, 4);
  const Numbers node = {-1.0, 0.0, 1.5}, weight = {0.25, 0.5, 0.125};
  kiessig_batch batch = a.c();
  batch.rule_node = node.data();
  batch.rule_weight = weight.data();
  batch.n_rule = 3;
  kiessig::SpecularBatch same = a.cpp();
  same.rule = {node.data(), weight.data(), 3};
  Numbers r = points(a), expected = points(a);
  CHECK_OK(kiessig_reflectivity, &batch, r.data());
  kiessig::reflectivity(same, expected.data());
  CHECK(r == expected);
}

TEST_CASE(c_shape) {
  const Arguments a(10, 1, 20, 4);
  const kiessig::Shape shape = kiessig::triangular_shape();
  kiessig_batch batch = a.c();
  batch.shape_offset = shape.offset;
  batch.shape_density = shape.density;
  batch.n_shape = shape.n;
  kiessig::SpecularBatch same = a.cpp();
  same.shape = shape;
  Numbers r = points(a), expected = points(a), gaussian = points(a);
  CHECK_OK(kiessig_reflectivity, &batch, r.data());
  kiessig::reflectivity(same, expected.data());
  kiessig::reflectivity(a.cpp(), gaussian.data());
  CHECK(r == expected);
  CHECK(r != gaussian);
  // a caller that knows the first version of the header does not have these members
  batch.struct_size = offsetof(kiessig_batch, shape_offset);
  CHECK_OK(kiessig_reflectivity, &batch, r.data());
  CHECK(r == gaussian);
}

TEST_CASE(c_cells) {
  const Arguments a(17, 2, 20, 5);
  const kiessig_cell cells[] = {{0, 2, 3}, {3, 4, 100}};
  const kiessig::RepeatedCell same_cells[] = {{0, 2, 3}, {3, 4, 100}};
  kiessig_batch batch = a.c();
  batch.cells = cells;
  batch.n_cells = 2;
  kiessig::SpecularBatch same = a.cpp();
  same.cells = same_cells;
  same.n_cells = 2;
  Numbers r = points(a), expected = points(a), without = points(a);
  CHECK_OK(kiessig_reflectivity, &batch, r.data());
  kiessig::reflectivity(same, expected.data());
  kiessig::reflectivity(a.cpp(), without.data());
  CHECK(r == expected);
  CHECK(r != without);
}

TEST_CASE(c_defaults) {
  Arguments a(10, 1, 20, 4);
  kiessig_batch bare = a.c();
  bare.sld_imag = bare.roughness = bare.scale = bare.background = bare.dq = {nullptr, 5};
  for (Numbers* x : {&a.sld_imag, &a.roughness, &a.background, &a.dq}) x->assign(x->size(), 0.0);
  a.scale = {1.0};
  const kiessig_batch explicitly = a.c();
  Numbers r = points(a), expected = points(a);
  CHECK_OK(kiessig_reflectivity, &bare, r.data());
  CHECK_OK(kiessig_reflectivity, &explicitly, expected.data());
  CHECK(r == expected);
}

TEST_CASE(c_shared_and_backward_rows) {
  const Arguments a(11, 3, 20, 4);
  kiessig_batch batch = a.c();
  batch.q = kiessig_same_row(a.q.data());
  batch.sld = {a.sld.data() + 2 * (a.n_layers + 2), -(a.n_layers + 2)};  // the last stack's first
  kiessig::SpecularBatch same = a.cpp();
  same.q = {a.q.data(), 0};
  same.sld = {a.sld.data() + 2 * (a.n_layers + 2), -(a.n_layers + 2)};
  Numbers r = points(a), expected = points(a);
  CHECK_OK(kiessig_reflectivity, &batch, r.data());
  kiessig::reflectivity(same, expected.data());
  CHECK(r == expected);
}

TEST_CASE(c_empty) {
  Arguments a(12, 1, 0, 2);
  kiessig_batch batch = a.c();
  batch.q.data = nullptr;
  CHECK_OK(kiessig_reflectivity, &batch, nullptr);
  CHECK_OK(kiessig_amplitude, &batch, nullptr);
  Fields gradient(a, 1, k_unwritten);
  const kiessig_derivatives out = gradient.c();
  CHECK_OK(kiessig_reflectivity_jacobian, &batch, nullptr, &out);
  CHECK_OK(kiessig_reflectivity_vjp, &batch, kiessig_rows{nullptr, 0}, nullptr, &out);
  for (const double x : gradient.sld) CHECK(x == 0.0);  // a sum over no points
  kiessig_batch none = kiessig_batch_default();
  none.n_batch = 0;
  none.n_q = 3;
  CHECK_OK(kiessig_reflectivity, &none, nullptr);
  kiessig_batch bare = Arguments(13, 1, 5, 0).c();  // no layers: no thickness
  const Arguments b(13, 1, 5, 0);
  bare = b.c();
  bare.thickness = {nullptr, 0};
  Numbers r = points(b), expected = points(b);
  CHECK_OK(kiessig_reflectivity, &bare, r.data());
  kiessig::reflectivity(b.cpp(), expected.data());
  CHECK(r == expected);
}

TEST_CASE(c_plan) {
  const Arguments a(14, 1, 50, 3);
  Arguments next = a;
  next.thickness[0] *= 1.01;
  const Arguments elsewhere(15, 1, 30, 3);  // a plan must notice that Q is another
  kiessig_plan* plan = kiessig_plan_new();
  CHECK(plan != nullptr);
  kiessig::Plan same_plan;
  bool plan_was_used = false;
  for (const Arguments* one : {&a, static_cast<const Arguments*>(&next), &elsewhere, &a}) {
    kiessig_batch batch = one->c();
    kiessig::SpecularBatch same = one->cpp();
    Numbers r = points(*one), expected = points(*one), without = points(*one);
    CHECK_OK(kiessig_reflectivity, &batch, without.data());
    batch.plan = plan;
    same.plan = &same_plan;
    CHECK_OK(kiessig_reflectivity, &batch, r.data());
    kiessig::reflectivity(same, expected.data());
    CHECK(r == expected);
    plan_was_used = plan_was_used || r != without;
    for (std::size_t i = 0; i < r.size(); ++i) {
      CHECK_NEAR(r[i], without[i], 2e-5 * without[i]);  // each is within 1e-5 of the integral
    }
  }
  CHECK(plan_was_used);  // nodes kept from another stack show in the last digits
  kiessig_plan_free(plan);
  kiessig_plan_free(nullptr);
}

TEST_CASE(c_calls_from_several_threads) {
  const Arguments a(16, 4, 300, 5);
  const kiessig_batch batch = a.c();
  Numbers expected = points(a);
  CHECK_OK(kiessig_reflectivity, &batch, expected.data());
  std::vector<Numbers> found(4, points(a));
  std::vector<Report> reports(found.size());
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < found.size(); ++t) {
    threads.emplace_back([&, t] {
      kiessig_batch mine = batch;
      mine.threads = 2;
      if (t == 3) mine.n_layers = -1;  // one thread's mistake is no other's
      reports[t].status = kiessig_reflectivity(&mine, found[t].data(), reports[t].text, sizeof reports[t].text);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::size_t t = 0; t < 3; ++t) {
    CHECK(reports[t].status == KIESSIG_OK && reports[t].text[0] == '\0');
    CHECK(found[t] == expected);
  }
  CHECK(reports[3].status == KIESSIG_INVALID_ARGUMENT);
  CHECK(found[3] == points(a));
}
