#include "mixture.hpp"

#include <algorithm>
#include <cmath>

namespace kiessig {

namespace {

using Index = std::ptrdiff_t;

constexpr Index k_chunk = 64;  // points whose rows are held at once

std::size_t size(Index n) { return static_cast<std::size_t>(n); }

}  // namespace

void CoherentMixture::assign(const MixtureRows& rows, bool reversed) {
  reversed_ = reversed;
  weights_.assign(rows.weights, rows.weights + rows.n_patches);
  patches_.resize(size(rows.n_patches));
  first_.assign(1, 0);
  Index layers = 0;  // of the patches before
  for (Index p = 0; p < rows.n_patches; ++p) {
    const Index n = rows.layers == nullptr ? rows.n_layers : rows.layers[p];
    patches_[size(p)].assign({n, rows.thickness + layers, rows.sld + layers + 2 * p, rows.sld_imag + layers + 2 * p,
                              rows.roughness + layers + p, rows.cells, rows.n_cells},
                             reversed);
    first_.push_back(first_.back() + RowLayout{n}.size());
    layers += n;
  }
}

void CoherentMixture::sum_amplitudes(const double* q, Index m) {
  for (auto* v : {&patch_re_, &patch_im_}) v->resize(size(n_patches() * m));
  for (auto* v : {&re_, &im_}) v->assign(size(m), 0.0);
  for (Index p = 0; p < n_patches(); ++p) {
    double* re = patch_re_.data() + p * m;
    double* im = patch_im_.data() + p * m;
    patches_[size(p)].amplitudes(q, m, re, im);
    const double w = weights_[size(p)];
    for (Index i = 0; i < m; ++i) {
      re_[size(i)] += w * re[i];
      im_[size(i)] += w * im[i];
    }
  }
}

void CoherentMixture::set_cotangents(Index p, Index m, const double* factor) {
  for (auto* v : {&c_re_, &c_im_, &ignored_re_, &ignored_im_, &dq_}) v->resize(size(m));
  for (Index i = 0; i < m; ++i) {
    const double twice = 2.0 * weights_[size(p)] * (factor == nullptr ? 1.0 : factor[i]);
    c_re_[size(i)] = twice * re_[size(i)];
    c_im_[size(i)] = twice * im_[size(i)];
  }
}

void CoherentMixture::amplitudes(const double* q, Index m, double* re, double* im) {
  sum_amplitudes(q, m);
  std::copy_n(re_.data(), m, re);
  std::copy_n(im_.data(), m, im);
}

void CoherentMixture::values(const double* q, Index m, double* r) {
  sum_amplitudes(q, m);
  for (std::size_t i = 0; i < re_.size(); ++i) r[i] = re_[i] * re_[i] + im_[i] * im_[i];
}

void CoherentMixture::jacobian(const double* q, Index m, double* r, double* rows, Index stride, double* dq) {
  for (Index first = 0; first < m; first += k_chunk) {
    const Index count = std::min(k_chunk, m - first);
    values(q + first, count, r + first);
    std::fill_n(dq + first, count, 0.0);
    for (Index p = 0; p < n_patches(); ++p) {
      const Index length = patch(p + 1) - patch(p);
      rows_.resize(size(k_chunk * length));
      set_cotangents(p, count, nullptr);
      patches_[size(p)].amplitude_jacobian(q + first, count, c_re_.data(), c_im_.data(), ignored_re_.data(),
                                           ignored_im_.data(), rows_.data(), dq_.data());
      for (Index i = 0; i < count; ++i) {
        double* row = rows + (first + i) * stride;
        std::copy_n(rows_.data() + i * length, length, row + patch(p));
        const std::size_t own = size(p * count + i);
        row[weights() + p] = 2.0 * (re_[size(i)] * patch_re_[own] + im_[size(i)] * patch_im_[own]);
        dq[first + i] += dq_[size(i)];
      }
    }
  }
}

void CoherentMixture::vjp(const double* q, Index m, const double* cotangent, double* r, double* gradient, double* dq) {
  values(q, m, r);
  std::fill_n(dq, m, 0.0);
  for (Index p = 0; p < n_patches(); ++p) {
    set_cotangents(p, m, cotangent);
    patches_[size(p)].amplitude_vjp(q, m, c_re_.data(), c_im_.data(), ignored_re_.data(), ignored_im_.data(),
                                    gradient + patch(p), dq_.data());
    for (Index i = 0; i < m; ++i) {
      const std::size_t own = size(p * m + i);
      gradient[weights() + p] += 2.0 * cotangent[i] * (re_[size(i)] * patch_re_[own] + im_[size(i)] * patch_im_[own]);
      dq[i] += dq_[size(i)];
    }
  }
}

void CoherentMixture::jvp(const double* q, Index m, const double* tangent, const double* tangent_q, double* r,
                          double* dr) {
  tangent_rows_.resize(size(k_chunk * entries()));
  double chunk_dq[k_chunk];
  for (Index first = 0; first < m; first += k_chunk) {
    const Index count = std::min(k_chunk, m - first);
    jacobian(q + first, count, r + first, tangent_rows_.data(), entries(), chunk_dq);
    for (Index i = 0; i < count; ++i) {
      const double* row = tangent_rows_.data() + i * entries();
      double total = tangent_q[first + i] * chunk_dq[i];
      for (Index e = 0; e < entries(); ++e) total += tangent[e] * row[e];
      dr[first + i] = total;
    }
  }
}

double CoherentMixture::fringe_frequency(double q) const {
  double most = 0.0;
  for (const Stack& stack : patches_) most = std::max(most, stack.fringe_frequency(q));
  return most;
}

void CoherentMixture::edges(std::vector<double>& q) const {
  for (const Stack& stack : patches_) stack.edges(q);
}

}  // namespace kiessig
