// Whatever cannot be used is refused with a code and a sentence, and leaves the outputs as they were.
#include <cstdlib>
#include <limits>
#include <locale>

#include "arguments.hpp"

extern thread_local bool no_memory;  // memory.cpp

namespace {

using namespace kiessig_test;

constexpr double k_unwritten = -7.0;
constexpr double k_nan = std::numeric_limits<double>::quiet_NaN();
constexpr double k_inf = std::numeric_limits<double>::infinity();

void expect(const Report& report, kiessig_status status, const std::string& text, const char* file, int line) {
  if (report.status != status) check::fail(file, line, "status " + std::to_string(report.status));
  if (report.text != text) check::fail(file, line, "got `" + std::string(report.text) + "`, not `" + text + "`");
}

#define EXPECT(report, status, text) expect(report, status, text, __FILE__, __LINE__)

Report call(const kiessig_batch& batch) {
  Report report;
  Numbers r(64, k_unwritten);
  report.status = kiessig_reflectivity(&batch, r.data(), report.text, sizeof report.text);
  CHECK(r == Numbers(64, k_unwritten));
  return report;
}

std::string refused(const std::string& what) { return "kiessig_reflectivity: " + what; }

}  // namespace

TEST_CASE(c_refuses_values) {
  struct Case {
    Numbers Arguments::* array;
    std::size_t entry;
    double value;
    const char* text;
  };
  const Case cases[] = {
      {&Arguments::q, 7, k_nan, "q must be finite; q[1, 2] = nan 1/angstrom"},
      {&Arguments::q, 0, -k_inf, "q must be finite; q[0, 0] = -inf 1/angstrom"},
      {&Arguments::thickness, 3, -2.0, "thickness must be non-negative; thickness[1, 0] = -2.0 angstrom"},
      {&Arguments::thickness, 4, k_inf, "thickness must be finite; thickness[1, 1] = inf angstrom"},
      {&Arguments::sld, 9, k_nan, "sld must be finite; sld[1, 4] = nan"},
      {&Arguments::sld_imag, 1, -1e-30, "sld_imag must be non-negative; sld_imag[0, 1] = -1e-30"},
      {&Arguments::roughness, 3, -0.1, "roughness must be non-negative; roughness[0, 3] = -0.1 angstrom"},
      {&Arguments::scale, 1, k_nan, "scale must be finite; scale[1] = nan"},
      {&Arguments::background, 0, k_inf, "background must be finite; background[0] = inf"},
      {&Arguments::dq, 5, -0.001, "dq must be non-negative; dq[1, 0] = -0.001 1/angstrom"},
  };
  for (const Case& c : cases) {
    Arguments a(1, 2, 5, 3);
    (a.*c.array)[c.entry] = c.value;
    check::note(c.text);
    EXPECT(call(a.c()), KIESSIG_INVALID_VALUE, refused(c.text));
  }
}

TEST_CASE(c_names_entries_of_one_stack_by_one_index) {
  Arguments a(2, 1, 5, 3);
  a.roughness[3] = -2.0;
  EXPECT(call(a.c()), KIESSIG_INVALID_VALUE, refused("roughness must be non-negative; roughness[3] = -2.0 angstrom"));
  a = Arguments(2, 1, 5, 3);
  a.scale[0] = k_inf;
  EXPECT(call(a.c()), KIESSIG_INVALID_VALUE, refused("scale must be finite; scale = inf"));
  a = Arguments(2, 3, 5, 3);
  a.sld[2] = k_nan;
  kiessig_batch batch = a.c();
  batch.sld.stride = 0;
  EXPECT(call(batch), KIESSIG_INVALID_VALUE, refused("sld must be finite; sld[2] = nan"));
}

TEST_CASE(c_refuses_what_derivatives_take) {
  const Arguments a(3, 2, 5, 3);
  const kiessig_batch batch = a.c();
  Numbers r(10, k_unwritten), dr = r;
  Fields fields(a, 1, k_unwritten);
  const kiessig_derivatives out = fields.c();
  Numbers weights(10, 1.0);
  weights[6] = k_nan;
  Report report;
  report.status =
      kiessig_reflectivity_vjp(&batch, {weights.data(), 5}, r.data(), &out, report.text, sizeof report.text);
  EXPECT(report, KIESSIG_INVALID_VALUE, "kiessig_reflectivity_vjp: cotangent must be finite; cotangent[1, 1] = nan");
  report.status = kiessig_reflectivity_vjp(&batch, {nullptr, 5}, r.data(), &out, report.text, sizeof report.text);
  EXPECT(report, KIESSIG_INVALID_ARGUMENT,
         "kiessig_reflectivity_vjp: cotangent.data must not be null: 5 entries are read");
  kiessig_tangents tangents = kiessig_tangents_default();
  tangents.roughness = {weights.data() + 4, 0};
  report.status = kiessig_reflectivity_jvp(&batch, &tangents, r.data(), dr.data(), report.text, sizeof report.text);
  EXPECT(report, KIESSIG_INVALID_VALUE,
         "kiessig_reflectivity_jvp: tangents.roughness must be finite; tangents.roughness[2] = nan angstrom");
  CHECK(r == Numbers(10, k_unwritten) && dr == r);
  CHECK(fields == Fields(a, 1, k_unwritten));
}

TEST_CASE(c_refuses_null) {
  const Arguments a(4, 1, 5, 3);
  const kiessig_batch good = a.c();
  Numbers r(5, k_unwritten);
  const kiessig_derivatives none = kiessig_derivatives_default();
  const kiessig_tangents zero = kiessig_tangents_default();
  Report report;
  const auto expect_null = [&](kiessig_status status, const char* text, int line) {
    report.status = status;
    expect(report, KIESSIG_INVALID_ARGUMENT, text, __FILE__, line);
    CHECK(r == Numbers(5, k_unwritten));
  };
  char* text = report.text;
  const std::size_t size = sizeof report.text;
  expect_null(kiessig_reflectivity(nullptr, r.data(), text, size), "kiessig_reflectivity: batch must not be null",
              __LINE__);
  expect_null(kiessig_reflectivity(&good, nullptr, text, size),
              "kiessig_reflectivity: r must not be null: 5 points are written", __LINE__);
  expect_null(kiessig_amplitude(&good, nullptr, text, size),
              "kiessig_amplitude: amplitude must not be null: 5 points are written", __LINE__);
  expect_null(kiessig_reflectivity_jacobian(&good, r.data(), nullptr, text, size),
              "kiessig_reflectivity_jacobian: jacobian must not be null", __LINE__);
  expect_null(kiessig_reflectivity_jacobian(&good, nullptr, &none, text, size),
              "kiessig_reflectivity_jacobian: r must not be null: 5 points are written", __LINE__);
  expect_null(kiessig_reflectivity_vjp(&good, {r.data(), 0}, r.data(), nullptr, text, size),
              "kiessig_reflectivity_vjp: gradient must not be null", __LINE__);
  expect_null(kiessig_reflectivity_jvp(&good, nullptr, r.data(), r.data(), text, size),
              "kiessig_reflectivity_jvp: tangents must not be null", __LINE__);
  expect_null(kiessig_reflectivity_jvp(&good, &zero, r.data(), nullptr, text, size),
              "kiessig_reflectivity_jvp: dr must not be null: 5 points are written", __LINE__);
  for (const auto& [field, words] : {std::pair{&kiessig_batch::q, "q.data must not be null: 5 entries are read"},
                                     {&kiessig_batch::thickness, "thickness.data must not be null: 3 entries are read"},
                                     {&kiessig_batch::sld, "sld.data must not be null: 5 entries are read"}}) {
    kiessig_batch bad = good;
    (bad.*field).data = nullptr;
    EXPECT(call(bad), KIESSIG_INVALID_ARGUMENT, refused(words));
  }
}

TEST_CASE(c_refuses_counts) {
  const Arguments a(5, 1, 5, 3);
  for (const auto& [count, words] : {std::pair{&kiessig_batch::n_batch, "n_batch must be non-negative; got -1"},
                                     {&kiessig_batch::n_q, "n_q must be non-negative; got -1"},
                                     {&kiessig_batch::n_layers, "n_layers must be non-negative; got -1"},
                                     {&kiessig_batch::n_rule, "n_rule must be non-negative; got -1"},
                                     {&kiessig_batch::n_cells, "n_cells must be non-negative; got -1"},
                                     {&kiessig_batch::n_shape, "n_shape must be non-negative; got -1"}}) {
    kiessig_batch bad = a.c();
    bad.*count = -1;
    EXPECT(call(bad), KIESSIG_INVALID_ARGUMENT, refused(words));
  }
  kiessig_batch bad = a.c();
  bad.threads = -2;
  EXPECT(call(bad), KIESSIG_INVALID_ARGUMENT, refused("threads must be non-negative; got -2"));
  bad = a.c();
  bad.reserved = 1;
  EXPECT(call(bad), KIESSIG_INVALID_ARGUMENT, refused("reserved must be 0; got 1"));
}

TEST_CASE(c_refuses_shapes) {
  const Arguments a(7, 1, 5, 3);
  const auto with = [&](const Numbers& offset, const Numbers& density) {
    kiessig_batch bad = a.c();
    bad.shape_offset = offset.empty() ? nullptr : offset.data();
    bad.shape_density = density.data();
    bad.n_shape = static_cast<std::ptrdiff_t>(density.size());
    return call(bad);
  };
  const Numbers x{-1.0, 0.0, 1.0};
  EXPECT(with({}, {1.0, 1.0}), KIESSIG_INVALID_ARGUMENT, refused("shape_offset must not be null: n_shape is 2"));
  EXPECT(with(x, {0.0, NAN, 0.0}), KIESSIG_INVALID_VALUE,
         refused("shape_density must be finite; shape_density[1] = nan"));
  EXPECT(with(x, {0.0, 1.0, -2.0}), KIESSIG_INVALID_VALUE,
         refused("shape_density must be non-negative; shape_density[2] = -2.0"));
  EXPECT(with({0.0, -1.0}, {1.0, 1.0}), KIESSIG_INVALID_VALUE,
         refused("shape_offset must be ascending; shape_offset[1] = -1.0"));
  EXPECT(with(x, {0.0, 0.0, 0.0}), KIESSIG_INVALID_VALUE,
         refused("shape_density must have a finite, positive area over shape_offset; the area is 0.0"));
  EXPECT(with({1.0}, {1.0}), KIESSIG_INVALID_VALUE,
         refused("shape_density must have a finite, positive area over shape_offset; the area is 0.0"));
}

TEST_CASE(c_refuses_counts_that_overflow) {
  const std::ptrdiff_t most = PTRDIFF_MAX;
  const std::ptrdiff_t counts[][4] = {{1, 5, most, 0},     {1, most, 3, 0}, {most, 5, 3, 0},
                                      {most / 8, 0, 3, 0}, {1, 5, 3, most}, {1L << 20, 1L << 20, 1L << 20, 0}};
  for (const auto& [batch, q, layers, rule] : counts) {
    kiessig_batch bad = Arguments(6, 1, 5, 3).c();
    bad.n_batch = batch;
    bad.n_q = q;
    bad.n_layers = layers;
    bad.n_rule = rule;
    const Report report = call(bad);
    check::note(report.text);
    CHECK(report.status == KIESSIG_INVALID_ARGUMENT);
    CHECK(std::strstr(report.text, "must fit in memory together") != nullptr);
  }
}

TEST_CASE(c_refuses_rules) {
  const Arguments a(7, 1, 5, 3);
  Numbers node = {-1.0, 1.0}, weight = {0.5, 0.5};
  kiessig_batch batch = a.c();
  batch.n_rule = 2;
  EXPECT(call(batch), KIESSIG_INVALID_ARGUMENT, refused("rule_node must not be null: n_rule is 2"));
  batch.rule_node = node.data();
  EXPECT(call(batch), KIESSIG_INVALID_ARGUMENT, refused("rule_weight must not be null: n_rule is 2"));
  batch.rule_weight = weight.data();
  weight[1] = k_nan;
  EXPECT(call(batch), KIESSIG_INVALID_VALUE, refused("rule_weight must be finite; rule_weight[1] = nan"));
}

TEST_CASE(c_refuses_cells) {
  const Arguments a(13, 1, 5, 4);
  kiessig_batch batch = a.c();
  batch.n_cells = 2;
  EXPECT(call(batch), KIESSIG_INVALID_ARGUMENT, refused("cells must not be null: n_cells is 2"));
  const kiessig_cell bad[] = {{-1, 1, 2}, {2, 2, 2}, {3, 5, 2}, {3, 4, 0}, {1, 3, 2}};
  for (const kiessig_cell& second : bad) {
    const kiessig_cell cells[] = {{0, 2, 5}, second};
    batch.cells = cells;
    const std::string got =
        std::to_string(second.start) + ", " + std::to_string(second.stop) + ", " + std::to_string(second.repeats);
    EXPECT(call(batch), KIESSIG_INVALID_ARGUMENT,
           refused("cells must name inner layers, 2 <= start < stop <= 4, in order without overlap, and at least 1 "
                   "repeat; cells[1] = {" +
                   got + "}"));
  }
}

TEST_CASE(c_knows_the_size_of_structures) {
  const Arguments a(8, 1, 5, 3);
  kiessig_batch batch = a.c();
  const std::string size = std::to_string(sizeof batch);
  batch.struct_size = 0;
  EXPECT(call(batch), KIESSIG_INVALID_ARGUMENT,
         refused("batch.struct_size must be the size of kiessig_batch, " + size +
                 "; got 0; begin with kiessig_batch_default()"));
  batch.struct_size = offsetof(kiessig_batch, reserved);
  CHECK(call(batch).status == KIESSIG_INVALID_ARGUMENT);

  struct {  // what a later version of the header might define
    kiessig_batch batch;
    void* later;
  } longer = {a.c(), nullptr};
  longer.batch.struct_size = sizeof longer;
  Numbers r(5, k_unwritten), expected(5, k_unwritten);
  CHECK(kiessig_reflectivity(&longer.batch, r.data(), nullptr, 0) == KIESSIG_OK);
  kiessig::reflectivity(a.cpp(), expected.data());
  CHECK(r == expected);
  longer.later = &longer;
  const Report report = call(longer.batch);
  CHECK(report.status == KIESSIG_INVALID_ARGUMENT);
  CHECK(std::strstr(report.text, "batch has a member set that this version of the library does not know") != nullptr);
}

TEST_CASE(c_message_fits_where_it_must) {
  kiessig_batch bad = Arguments(9, 1, 5, 3).c();
  bad.n_q = -1;
  const std::string whole = refused("n_q must be non-negative; got -1");
  for (const std::size_t room : {std::size_t{0}, std::size_t{1}, std::size_t{9}, whole.size(), whole.size() + 1}) {
    std::string text(whole.size() + 8, '#');
    CHECK(kiessig_reflectivity(&bad, nullptr, text.data(), room) == KIESSIG_INVALID_ARGUMENT);
    if (room > 0) {
      CHECK(text.c_str() == whole.substr(0, room - 1));
    }
    CHECK(text.substr(room) == std::string(text.size() - room, '#'));
  }
  CHECK(kiessig_reflectivity(&bad, nullptr, nullptr, 100) == KIESSIG_INVALID_ARGUMENT);
}

TEST_CASE(c_message_does_not_depend_on_the_locale) {
  struct Comma : std::numpunct<char> {
    char do_decimal_point() const override { return ','; }
    char do_thousands_sep() const override { return '.'; }
    std::string do_grouping() const override { return "\3"; }
  };
  Arguments a(10, 1, 5, 3);
  a.thickness[1] = -12345.75;
  const std::locale before = std::locale::global(std::locale(std::locale::classic(), new Comma));
  const Report report = call(a.c());
  std::locale::global(before);
  EXPECT(report, KIESSIG_INVALID_VALUE, refused("thickness must be non-negative; thickness[1] = -12345.75 angstrom"));
}

TEST_CASE(c_says_what_smearing_cannot_do) {
  Arguments a(11, 1, 1, 1);
  a.q = {0.1};
  a.dq = {0.03};
  a.thickness = {1e7};  // half a million fringes below the kernel
  a.sld = {0.0, 4.0, 2.0};
  a.sld_imag = {0.0, 0.0, 0.0};  // no absorption, which would damp them
  const kiessig_batch batch = a.c();
  Report report;
  double r = 0.0;
  report.status = kiessig_reflectivity(&batch, &r, report.text, sizeof report.text);
  CHECK(report.status == KIESSIG_CANNOT_SMEAR);
  CHECK(std::strncmp(report.text, "kiessig_reflectivity: dq cannot be honoured: ", 45) == 0);
}

TEST_CASE(c_says_that_memory_is_short) {
  const Arguments a(12, 1, 5, 3);
  kiessig_batch batch = a.c();
  batch.roughness.data = nullptr;  // zeros take memory
  Numbers r(5, k_unwritten);
  Report report;
  no_memory = true;
  report.status = kiessig_reflectivity(&batch, r.data(), report.text, sizeof report.text);
  kiessig_plan* plan = kiessig_plan_new();
  no_memory = false;
  EXPECT(report, KIESSIG_OUT_OF_MEMORY, refused("out of memory; call with fewer points or stacks at once"));
  CHECK(plan == nullptr);
}

TEST_CASE(c_names_and_texts) {
  CHECK(std::strchr(kiessig_version(), '.') != nullptr);
  CHECK(std::strlen(kiessig_isa()) > 0 && std::strcmp(kiessig_isa(), "none") != 0);
  const char* wanted = std::getenv("KIESSIG_ISA");
  if (wanted != nullptr) CHECK(std::strcmp(kiessig_isa(), wanted) == 0);
  CHECK(std::strcmp(kiessig_status_text(KIESSIG_OK), "success") == 0);
  for (int status = 1; status <= KIESSIG_INTERNAL_ERROR; ++status) {
    CHECK(std::strcmp(kiessig_status_text(status), kiessig_status_text(status - 1)) != 0);
  }
  CHECK(std::strcmp(kiessig_status_text(99), "unknown status") == 0);
}
