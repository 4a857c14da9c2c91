// Builds a picture in SVG, element by element.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RONDO_RUN_SVG_H
#define RONDO_RUN_SVG_H

#include <string>
#include <string_view>

namespace rondo::run {

enum class Anchor { Start, Middle, End };

struct TextStyle {
  double size = 12;
  Anchor anchor = Anchor::Start;
  std::string_view fill = "#24292f";
  bool bold = false;
};

class Svg {
public:
  /// `tooltip` may be empty. Fills are colours, or `url(#...)` of a definition.
  void rectangle(double x, double y, double width, double height, std::string_view fill, std::string_view tooltip = {});
  /// `dashes` as in stroke-dasharray; may be empty.
  void line(double x1, double y1, double x2, double y2, std::string_view stroke, std::string_view dashes = {});
  /// `y` is the baseline.
  void text(double x, double y, std::string_view content, const TextStyle &style);
  /// Defines stripes of `stripe` on `ground`, which `url(#id)` fills with.
  void defineHatching(std::string_view id, std::string_view stripe, std::string_view ground);

  /// The whole document, on a white ground.
  std::string document(double width, double height) const;

private:
  std::string definitions;
  std::string body;
};

/// No less than the width of `content` in the picture's fonts.
double textWidth(std::string_view content, double size);

} // namespace rondo::run
#endif // RONDO_RUN_SVG_H
