// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/rondo-run/svg.h"

#include "tools/rondo-run/text.h"

#include <cmath>

namespace rondo::run {

/// Rounded to hundredths of a pixel: enough to see, and short.
static double rounded(double value) { return std::round(value * 100) / 100; }

static std::string escaped(std::string_view text) {
  std::string result;
  for (char c : text) {
    if (c == '&')
      result += "&amp;";
    else if (c == '<')
      result += "&lt;";
    else if (c == '>')
      result += "&gt;";
    else if (c == '"')
      result += "&quot;";
    else
      result += static_cast<unsigned char>(c) < 0x20 ? '?' : c; // XML has no control characters
  }
  return result;
}

void Svg::rectangle(double x, double y, double width, double height, std::string_view fill, std::string_view tooltip) {
  body += concat("<rect x=\"", rounded(x), "\" y=\"", rounded(y), "\" width=\"", rounded(width), "\" height=\"",
                 rounded(height), "\" fill=\"", fill, "\"");
  body += tooltip.empty() ? "/>\n" : concat("><title>", escaped(tooltip), "</title></rect>\n");
}

void Svg::line(double x1, double y1, double x2, double y2, std::string_view stroke, std::string_view dashes) {
  body += concat("<line x1=\"", rounded(x1), "\" y1=\"", rounded(y1), "\" x2=\"", rounded(x2), "\" y2=\"", rounded(y2),
                 "\" stroke=\"", stroke, "\"");
  body += dashes.empty() ? "/>\n" : concat(" stroke-dasharray=\"", dashes, "\"/>\n");
}

void Svg::text(double x, double y, std::string_view content, const TextStyle &style) {
  static const char *const anchors[] = {"start", "middle", "end"};
  body += concat("<text x=\"", rounded(x), "\" y=\"", rounded(y), "\" font-size=\"", style.size, "\" text-anchor=\"",
                 anchors[int(style.anchor)], "\" fill=\"", style.fill, "\"", style.bold ? " font-weight=\"bold\"" : "",
                 ">", escaped(content), "</text>\n");
}

void Svg::defineHatching(std::string_view id, std::string_view stripe, std::string_view ground) {
  definitions += concat("<pattern id=\"", id, "\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" ",
                        "patternTransform=\"rotate(45)\">\n<rect width=\"6\" height=\"6\" fill=\"", ground,
                        "\"/>\n<rect width=\"2.5\" height=\"6\" fill=\"", stripe, "\"/>\n</pattern>\n");
}

std::string Svg::document(double width, double height) const {
  return concat("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"", rounded(width), "\" height=\"", rounded(height),
                "\" viewBox=\"0 0 ", rounded(width), " ", rounded(height),
                "\" font-family=\"Helvetica, Arial, sans-serif\">\n<defs>\n", definitions,
                "</defs>\n<rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"#ffffff\"/>\n", body, "</svg>\n");
}

double textWidth(std::string_view content, double size) {
  // The mean advance of the common sans-serif fonts is 0.5 to 0.6 of their size; bytes of UTF-8 count as letters.
  return 0.62 * size * double(content.size());
}

} // namespace rondo::run
