// The public derivatives of the complex amplitude: batches, threads and the two sides of a stack. Sums over points are
// taken block by block in a fixed order: they do not depend on the number of threads.
#include <algorithm>
#include <cmath>
#include <kiessig/specular.hpp>
#include <vector>

#include "../parallel/parallel.hpp"
#include "stack.hpp"

namespace kiessig {

namespace {

using Index = std::ptrdiff_t;

constexpr Index k_block = 256;       // points per task
constexpr double k_estimate = 15.0;  // nanoseconds per point and interface of one sweep

std::size_t size(Index n) { return static_cast<std::size_t>(n); }

// Points of one block that are seen from the same side.
struct Side {
  Stack stack;
  std::vector<Index> points;  // places in the batch element's q
  std::vector<double> q, re, im, dq, rows;
  std::vector<double> c_re, c_im;  // cotangents

  Index count() const { return static_cast<Index>(points.size()); }
};

// Calls body(side, element, task) with the stack and the points of each side that a block has, and dq for its results.
template <class Body>
void for_sides(const SpecularBatch& in, double estimate, const Body& body) {
  const Index per_element = (in.n_q + k_block - 1) / k_block;
  const double work =
      estimate * static_cast<double>(in.n_batch) * static_cast<double>(in.n_q) * static_cast<double>(in.n_layers + 1);
  parallel_for(in.n_batch * per_element, threads_for(in.threads, work), [&](Index task) {
    const Index b = task / per_element;
    const Index first = task % per_element * k_block;
    const double* q = in.q.row(b);
    for (const bool reversed : {false, true}) {
      Side side;
      for (Index i = first; i < std::min(first + k_block, in.n_q); ++i) {
        if ((q[i] < 0.0) != reversed) continue;
        side.points.push_back(i);
        side.q.push_back(std::abs(q[i]));
      }
      if (side.points.empty()) continue;
      side.stack.assign({in.n_layers, in.thickness.row(b), in.sld.row(b), in.sld_imag.row(b), in.roughness.row(b),
                         in.cells, in.n_cells},
                        reversed);
      for (auto* v : {&side.re, &side.im, &side.dq, &side.c_re, &side.c_im}) v->resize(side.points.size());
      body(side, b, task);
    }
  });
}

// Calls body(array, length of a field's row, column, entry) for every entry of a derivative row whose field is wanted.
template <class T, class Body>
void for_entries(const RowLayout& row, bool reversed, const SpecularFields<T*>& fields, const Body& body) {
  const auto visit = [&](T* field, Index start, Index length) {
    if (field == nullptr) return;
    for (Index j = 0; j < length; ++j) body(field, length, reversed ? length - 1 - j : j, start + j);
  };
  visit(fields.thickness, row.thickness(), row.n);
  visit(fields.sld, row.sld(), row.n + 2);
  visit(fields.sld_imag, row.sld_imag(), row.n + 2);
  visit(fields.roughness, row.roughness(), row.n + 1);
}

}  // namespace

void amplitude_jacobian(const SpecularBatch& in, std::complex<double>* v,
                        const SpecularFields<std::complex<double>*>& jacobian) {
  for_sides(in, 2.0 * k_estimate, [&](Side& s, Index b, Index) {
    const RowLayout row = s.stack.layout();
    s.rows.resize(size(s.count() * row.size()));
    // the real parts of all derivatives, then the imaginary ones
    for (const bool imaginary : {false, true}) {
      std::fill(s.c_re.begin(), s.c_re.end(), imaginary ? 0.0 : 1.0);
      std::fill(s.c_im.begin(), s.c_im.end(), imaginary ? 1.0 : 0.0);
      s.stack.amplitude_jacobian(s.q.data(), s.count(), s.c_re.data(), s.c_im.data(), s.re.data(), s.im.data(),
                                 s.rows.data(), s.dq.data());
      const auto put = [imaginary](std::complex<double>& out, double x) {
        if (imaginary) {
          out.imag(x);
        } else {
          out.real(x);
        }
      };
      for (Index i = 0; i < s.count(); ++i) {
        const Index point = b * in.n_q + s.points[size(i)];
        v[point] = {s.re[size(i)], s.im[size(i)]};
        if (jacobian.q) put(jacobian.q[point], s.stack.reversed() ? -s.dq[size(i)] : s.dq[size(i)]);
        for_entries(row, s.stack.reversed(), jacobian,
                    [&](std::complex<double>* field, Index length, Index column, Index entry) {
                      put(field[point * length + column], s.rows[size(i * row.size() + entry)]);
                    });
      }
    }
  });
}

void amplitude_vjp(const SpecularBatch& in, const std::complex<double>* cotangent, std::complex<double>* v,
                   const SpecularFields<double*>& gradient) {
  const RowLayout row{in.n_layers};
  const Index per_element = (in.n_q + k_block - 1) / k_block;
  std::vector<double> partial(size(in.n_batch * per_element * row.size()), 0.0);  // in the order of the front
  for_sides(in, k_estimate, [&](Side& s, Index b, Index task) {
    for (std::size_t i = 0; i < s.points.size(); ++i) {
      const std::complex<double> c = cotangent[b * in.n_q + s.points[i]];
      s.c_re[i] = c.real();
      s.c_im[i] = c.imag();
    }
    s.rows.assign(size(row.size()), 0.0);
    s.stack.amplitude_vjp(s.q.data(), s.count(), s.c_re.data(), s.c_im.data(), s.re.data(), s.im.data(), s.rows.data(),
                          s.dq.data());
    for (std::size_t i = 0; i < s.points.size(); ++i) {
      const Index point = b * in.n_q + s.points[i];
      v[point] = {s.re[i], s.im[i]};
      if (gradient.q) gradient.q[point] = s.stack.reversed() ? -s.dq[i] : s.dq[i];
    }
    double* total = partial.data() + task * row.size();
    const SpecularFields<double*> front{total + row.thickness(),
                                        total + row.sld(),
                                        total + row.sld_imag(),
                                        total + row.roughness(),
                                        nullptr,
                                        nullptr,
                                        nullptr,
                                        nullptr};
    for_entries(row, s.stack.reversed(), front,
                [&](double* field, Index, Index column, Index entry) { field[column] += s.rows[size(entry)]; });
  });
  for (Index b = 0; b < in.n_batch; ++b) {
    for_entries(row, false, gradient, [&](double* field, Index length, Index column, Index entry) {
      double total = 0.0;
      for (Index t = b * per_element; t < (b + 1) * per_element; ++t) total += partial[size(t * row.size() + entry)];
      field[b * length + column] = total;
    });
  }
}

}  // namespace kiessig
