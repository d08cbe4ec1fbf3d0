#include "core/calibration/fit.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "fmt/format.h"

namespace tamiz::calibration {
namespace {

constexpr std::size_t kParameters = kFeatures + 1;  // the last is the intercept
using Vector = std::array<double, kParameters>;
using Matrix = std::array<Vector, kParameters>;

constexpr double kRidge = 1e-7;        // keeps what the data do not decide from running away
constexpr double kLeastPerBit = 0.01;  // a nearer pair never counts for the same
// Chance does not repeat itself: each further piece of evidence is worth this at least, far less than if it
// were independent of the first. Set, not fitted, where the data are single pictures.
constexpr double kLeastForCorroboration = 0.8;
// No weight may say more than the data can: at quality 50 these are four powers of e.
constexpr double kMostForQuality = 16, kMostElse = 6;
// Most of a stranger's chances are in another orientation; how often people turn what they copy, alone
// or with other edits, the pairs do not know. Set: without it a mirrored copy would be worth little beyond a
// few bits.
constexpr double kMostForTurned = 4;
constexpr int kBins = 20;

// Pairs with the same evidence.
struct Row {
  Vector x{};                      // minus the features, and 1
  double same = 0, different = 0;  // weights
};
using Rows = std::map<Vector, std::pair<double, double>>;  // x to weights of the same and of different ones

double Logistic(double log_odds) { return 1 / (1 + std::exp(-log_odds)); }
double LogOdds(double share) { return std::log(share / (1 - share)); }

std::uint64_t Mix(std::uint64_t value) {  // splitmix64's finaliser
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ull;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebull;
  return value ^ (value >> 31);
}

// What each pair stands for: uploads of either kind have their share of all, lists of each size count alike.
std::vector<double> WeightsOf(std::span<const LabelledPair> pairs, double base_rate) {
  struct Uploads {
    std::set<std::uint64_t> known, unrelated;
  };
  std::map<std::uint64_t, Uploads> by_size;
  for (const LabelledPair& pair : pairs) {
    Uploads& uploads = by_size[pair.evidence.list_hashes];
    (pair.upload_known ? uploads.known : uploads.unrelated).insert(pair.upload);
  }
  std::vector<double> weights;
  weights.reserve(pairs.size());
  for (const LabelledPair& pair : pairs) {
    const Uploads& uploads = by_size[pair.evidence.list_hashes];
    const double share = pair.upload_known ? base_rate : 1 - base_rate;
    const std::size_t number = pair.upload_known ? uploads.known.size() : uploads.unrelated.size();
    weights.push_back(pair.found ? share / static_cast<double>(number) / static_cast<double>(by_size.size())
                                 : 0);
  }
  return weights;
}

Vector Coordinates(const Evidence& evidence) {
  const Features features = FeaturesOf(evidence);
  Vector x{};
  std::transform(features.begin(), features.end(), x.begin(), std::negate<>());
  x[kFeatures] = 1;
  return x;
}

double Dot(const Vector& a, const Vector& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

double Loss(std::span<const Row> rows, const Vector& at) {
  double loss = 0.5 * kRidge * Dot(at, at);
  for (const Row& row : rows) {
    const double z = Dot(row.x, at);
    const double small = std::log1p(std::exp(-std::abs(z)));
    loss += row.same * (small + std::max(-z, 0.0)) + row.different * (small + std::max(z, 0.0));
  }
  return loss;
}

// Solves `a` x = `b` for the parameters that are free; the others are 0. By Cholesky: `a` is positive
// definite.
Vector SolveFree(const Matrix& a, const Vector& b, const std::array<bool, kParameters>& is_free) {
  std::vector<std::size_t> free;
  for (std::size_t i = 0; i < kParameters; ++i) {
    if (is_free[i]) free.push_back(i);
  }
  const std::size_t n = free.size();
  Matrix lower{};
  Vector y{}, x{};
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = a[free[i]][free[j]];
      for (std::size_t k = 0; k < j; ++k) sum -= lower[i][k] * lower[j][k];
      lower[i][j] = i == j ? std::sqrt(std::max(sum, 1e-14)) : sum / lower[j][j];
    }
    y[i] = b[free[i]];
    for (std::size_t k = 0; k < i; ++k) y[i] -= lower[i][k] * y[k];
    y[i] /= lower[i][i];
  }
  for (std::size_t i = n; i-- > 0;) {
    double sum = y[i];
    for (std::size_t k = i + 1; k < n; ++k) sum -= lower[k][i] * x[free[k]];
    x[free[i]] = sum / lower[i][i];
  }
  return x;
}

// Newton's steps within the bounds: weights that are at their least and would go below stay, the rest moves
// as one and is cut off there.
Vector Minimise(std::span<const Row> rows) {
  Vector at{};
  // The odds fall with the number of chances of a look-alike, one for one: not a matter of data.
  at[static_cast<std::size_t>(Feature::kChances)] = std::log(10);
  at[static_cast<std::size_t>(Feature::kDistance)] = kLeastPerBit;
  constexpr auto kAloneAt = static_cast<std::size_t>(Feature::kAlone);
  at[kAloneAt] = kLeastForCorroboration;
  // Where nothing was ever corroborated the data cannot tell it from the intercept.
  const bool has_corroborated = std::any_of(
      rows.begin(), rows.end(), [&](const Row& row) { return row.x[kAloneAt] != rows[0].x[kAloneAt]; });
  double loss = Loss(rows, at);
  const auto least = [](std::size_t i) -> double {
    if (i == kAloneAt) return kLeastForCorroboration;
    return i == static_cast<std::size_t>(Feature::kDistance) ? kLeastPerBit : 0;
  };
  const auto most = [](std::size_t i) {
    const auto feature = static_cast<Feature>(i);
    if (feature == Feature::kTurned) return kMostForTurned;
    return feature == Feature::kQualityQuery || feature == Feature::kQualityReference ? kMostForQuality
                                                                                      : kMostElse;
  };
  for (int step = 0; step < 200; ++step) {
    Vector gradient{};
    Matrix hessian{};
    for (std::size_t i = 0; i < kParameters; ++i) {
      gradient[i] = kRidge * at[i];
      hessian[i][i] = kRidge;
    }
    for (const Row& row : rows) {
      const double p = Logistic(Dot(row.x, at));
      const double slope = row.different * p - row.same * (1 - p);
      const double curve = (row.same + row.different) * std::max(p * (1 - p), 1e-12);
      for (std::size_t i = 0; i < kParameters; ++i) {
        gradient[i] += slope * row.x[i];
        const double scaled = curve * row.x[i];
        for (std::size_t j = 0; j <= i; ++j) hessian[i][j] += scaled * row.x[j];
      }
    }
    std::array<bool, kParameters> is_free{};
    for (std::size_t i = 0; i < kParameters; ++i) {
      for (std::size_t j = 0; j < i; ++j) hessian[j][i] = hessian[i][j];
      is_free[i] = i == kFeatures || (gradient[i] < 0 ? at[i] < most(i) : at[i] > least(i));
    }
    is_free[static_cast<std::size_t>(Feature::kChances)] = false;
    is_free[kAloneAt] = is_free[kAloneAt] && has_corroborated;
    const Vector direction = SolveFree(hessian, gradient, is_free);
    const double before = loss;
    for (double share = 1; share > 1e-9; share /= 2) {
      Vector next = at;
      for (std::size_t i = 0; i < kParameters; ++i) {
        next[i] -= share * direction[i];
        if (i < kFeatures) next[i] = std::clamp(next[i], least(i), most(i));
      }
      const double then = Loss(rows, next);
      if (then >= loss) continue;
      at = next;
      loss = then;
      break;
    }
    if (before - loss <= 1e-13 * before) break;
  }
  return at;
}

// The nearest unrelated pairs that were seen, at most kExamples of them: how near strangers are found, by
// which looks, turned or not, of which qualities. Nearer ones, which were not seen, are taken to be found
// like these.
std::vector<Evidence> NearestStrangers(std::span<const LabelledPair> pairs, const UnrelatedTail& tail) {
  constexpr std::size_t kExamples = 400;
  constexpr std::uint32_t kBitsBeyond = 10;  // enough of them, and not those that are everywhere
  std::vector<Evidence> all, examples;
  for (const LabelledPair& pair : pairs) {
    if (pair.found && !pair.same && !pair.upload_known &&
        pair.evidence.distance <= tail.measured_from + kBitsBeyond) {
      all.push_back(pair.evidence);
    }
  }
  const std::size_t step = all.size() / kExamples + 1;
  for (std::size_t i = 0; i < all.size(); i += step) examples.push_back(all[i]);
  if (examples.empty()) examples.emplace_back();
  return examples;
}

// Rows for the unrelated pairs that are too rare to have been seen, with the weight that the tail gives them.
void AddUnseen(std::span<const LabelledPair> pairs, const UnrelatedTail& tail, double base_rate, Rows& rows) {
  if (tail.pairs <= 0) return;
  std::map<std::uint64_t, std::pair<double, std::uint64_t>> queries;  // by list size: sum and number
  for (const LabelledPair& pair : pairs) {
    if (pair.upload_known) continue;
    auto& [sum, number] = queries[pair.evidence.list_hashes];
    sum += static_cast<double>(pair.evidence.queries);
    ++number;
  }
  const std::vector<Evidence> examples = NearestStrangers(pairs, tail);
  for (const auto& [list_hashes, of] : queries) {
    const double mean = std::max(1.0, of.first / static_cast<double>(of.second));
    for (std::uint32_t d = 0; d < std::min<std::uint32_t>(tail.measured_from, UnrelatedTail::kBits); ++d) {
      const double within = std::pow(10, tail.log10_share[d]);
      const double below = d == 0 ? 0 : std::pow(10, tail.log10_share[d - 1]);
      const double expected = (within - below) * mean * static_cast<double>(list_hashes);
      const double each = (1 - base_rate) * expected / static_cast<double>(queries.size() * examples.size());
      for (Evidence evidence : examples) {
        evidence.distance = d;
        evidence.list_hashes = list_hashes;
        evidence.queries = static_cast<std::uint64_t>(mean);
        rows[Coordinates(evidence)].second += each;
      }
    }
  }
}

std::vector<LabelledPair> Part(std::span<const LabelledPair> pairs, bool held_out) {
  std::vector<LabelledPair> part;
  std::copy_if(pairs.begin(), pairs.end(), std::back_inserter(part),
               [&](const LabelledPair& pair) { return IsHeldOut(pair) == held_out; });
  return part;
}

}  // namespace

bool IsHeldOut(const LabelledPair& pair) { return (Mix(pair.source + 0x9e3779b97f4a7c15ull) & 1) != 0; }

UnrelatedTail TailOf(std::span<const std::uint64_t> by_distance, double pairs) {
  constexpr double kEnough = 10, kEnoughForSlope = 200;
  // An upload near one entry is near others that are like it: so many pairs say as much as one that stands
  // alone.
  constexpr double kPairsOfOneUpload = 3;
  UnrelatedTail tail;
  tail.pairs = pairs;
  std::array<double, UnrelatedTail::kBits> within{};
  double sum = 0;
  for (std::size_t d = 0; d < UnrelatedTail::kBits; ++d) {
    sum += d < by_distance.size() ? static_cast<double>(by_distance[d]) : 0;
    within[d] = sum;
  }
  std::size_t from = 0;
  while (from < UnrelatedTail::kBits && within[from] < kEnough) ++from;
  tail.measured_from = static_cast<std::uint32_t>(from);
  for (std::size_t d = from; d < UnrelatedTail::kBits; ++d)
    tail.log10_share[d] = std::log10(within[d] / pairs);
  // A line down from the lowest distance with enough pairs within it. Its slope is the likeliest one, which
  // follows from how far those pairs lie below that distance on average, less what chance may have added to
  // it. Where there are hardly any pairs nothing is known of a slope: half a decade a bit.
  std::size_t anchor = 0;
  while (anchor + 1 < UnrelatedTail::kBits && within[anchor] < kEnoughForSlope) ++anchor;
  double slope = 0.5, level = std::log10(std::max(sum, 1.0) / std::max(pairs, 1.0));
  if (within[anchor] >= kEnough) {
    double below = 0;
    for (std::size_t d = 0; d < anchor; ++d) below += within[d];  // bits below the anchor, of all pairs
    const double mean = std::max(below / within[anchor], 0.01);
    // PDQ's distances are nearly always even: steps of two bits.
    const double likeliest = std::log10(1 + 2 / mean) / 2;
    slope = likeliest * std::max(0.0, 1 - 1.645 * std::sqrt(kPairsOfOneUpload / within[anchor]));
    level = std::log10(within[anchor] / pairs);
  }
  for (std::size_t d = from; d-- > 0;) {
    const double line = level - slope * static_cast<double>(anchor - d);
    const double seen = within[d] > 0 ? std::log10(within[d] / pairs) : -300;
    const double above = d + 1 < UnrelatedTail::kBits ? tail.log10_share[d + 1] : 0;
    tail.log10_share[d] = std::clamp(std::max(line, seen), -300.0, std::min(above, 0.0));
  }
  return tail;
}

Reliability Measure(const Calibration& calibration, std::span<const LabelledPair> pairs, double base_rate) {
  const double shift = LogOdds(base_rate) - LogOdds(calibration.base_rate);
  const std::vector<double> weights = WeightsOf(pairs, base_rate);
  struct Bin {
    double weight = 0, predicted = 0, same = 0;
    std::uint64_t pairs = 0;
  };
  std::array<Bin, kBins> bins{};
  Reliability reliability;
  double all = 0;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    if (!pairs[i].found) continue;
    const double p = Logistic(LogOdds(calibration.Probability(pairs[i].evidence)) + shift);
    Bin& bin = bins[std::min<std::size_t>(kBins - 1, static_cast<std::size_t>(p * kBins))];
    bin.weight += weights[i];
    bin.predicted += weights[i] * p;
    bin.same += pairs[i].same ? weights[i] : 0;
    ++bin.pairs;
    all += weights[i];
    ++reliability.pairs;
  }
  for (const Bin& bin : bins) {
    if (bin.weight <= 0) continue;
    reliability.bins.push_back(
        {bin.predicted / bin.weight, bin.same / bin.weight, bin.weight / all, bin.pairs});
    reliability.expected_error += std::abs(bin.predicted - bin.same) / all;
  }
  return reliability;
}

StatusOr<Calibration> Fit(std::span<const LabelledPair> pairs, const FitOptions& options) {
  Calibration calibration;
  calibration.name = options.name;
  calibration.date = options.date;
  calibration.method = "logistic-monotone";
  calibration.data = options.data;
  calibration.base_rate = options.base_rate;
  calibration.unrelated = options.unrelated;
  calibration.queries = options.queries;

  std::set<std::uint64_t> sources, known, unrelated;
  for (const LabelledPair& pair : pairs) {
    sources.insert(pair.source);
    (pair.upload_known ? known : unrelated).insert(pair.upload);
  }
  calibration.uploads_known = known.size();
  calibration.uploads_unrelated = unrelated.size();
  if (sources.size() < 4) {
    return InvalidArgument(
        fmt::format("the pairs come from {} sources; half of them are held out, so at least 4 are needed",
                    sources.size()));
  }
  if (unrelated.empty() || known.empty()) {
    return InvalidArgument(
        "uploads that show a listed picture and uploads that show none are both needed (column `known`)");
  }

  const std::vector<LabelledPair> seen = Part(pairs, false), held_out = Part(pairs, true);
  const std::vector<double> weights = WeightsOf(seen, options.base_rate);
  Rows collected;
  double weight_same = 0;
  for (std::size_t i = 0; i < seen.size(); ++i) {
    if (!seen[i].found) continue;
    auto& [same, different] = collected[Coordinates(seen[i].evidence)];
    (seen[i].same ? same : different) += weights[i];
    ++(seen[i].same ? calibration.pairs_same : calibration.pairs_different);
    if (seen[i].same) weight_same += weights[i];
  }
  // Where no unrelated pair came near, the tail says how rare they are.
  const std::uint64_t different = options.unrelated.pairs > 0 ? 50 : calibration.pairs_different;
  if (calibration.pairs_same < 50 || different < 50) {
    return InvalidArgument(fmt::format(
        "half of the sources have {} pairs that are the same and {} that are not; at least 50 of each are "
        "needed: add pairs, or report pairs from further apart (review radius 64)",
        calibration.pairs_same, calibration.pairs_different));
  }
  AddUnseen(seen, options.unrelated, options.base_rate, collected);
  // Scaled to the number of pairs, so that the ridge is small whatever the base rate.
  const double scale = static_cast<double>(calibration.pairs_same) / weight_same;
  std::vector<Row> rows;
  for (const auto& [x, of] : collected) rows.push_back({x, of.first * scale, of.second * scale});
  const Vector fitted = Minimise(rows);
  std::copy_n(fitted.begin(), kFeatures, calibration.weights.begin());
  calibration.intercept = fitted[kFeatures];

  // The rule of three: no error among n pairs leaves an error of 3 in n possible.
  calibration.ceiling = 1 - 3 / static_cast<double>(std::max<std::uint64_t>(calibration.pairs_same, 100));

  const Reliability at_rate = Measure(calibration, held_out, options.base_rate);
  const Reliability even = Measure(calibration, held_out, 0.5);
  calibration.expected_calibration_error = std::max(at_rate.expected_error, even.expected_error);
  calibration.held_out_pairs = at_rate.pairs;
  calibration.reliability = even.bins;
  TAMIZ_RETURN_IF_ERROR(calibration.Validate());
  return calibration;
}

}  // namespace tamiz::calibration
