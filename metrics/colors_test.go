package metrics_test

import (
	"math"
	"os"
	"regexp"
	"strconv"
	"testing"
)

// luminance returns the relative luminance of a color (WCAG 2.2), and the color in OKLab.
func luminance(t *testing.T, hex string) (y float64, lab [3]float64) {
	t.Helper()
	var rgb [3]float64
	for i := range rgb {
		n, err := strconv.ParseUint(hex[1+2*i:3+2*i], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		if rgb[i] = float64(n) / 255; rgb[i] <= 0.04045 {
			rgb[i] /= 12.92
		} else {
			rgb[i] = math.Pow((rgb[i]+0.055)/1.055, 2.4)
		}
	}
	r, g, b := rgb[0], rgb[1], rgb[2]
	l := math.Cbrt(0.4122214708*r + 0.5363325363*g + 0.0514459929*b)
	m := math.Cbrt(0.2119034982*r + 0.6806995451*g + 0.1073969566*b)
	s := math.Cbrt(0.0883024619*r + 0.2817188376*g + 0.6299787005*b)
	return 0.2126*r + 0.7152*g + 0.0722*b, [3]float64{
		0.2104542553*l + 0.7936177850*m - 0.0040720468*s,
		1.9779984951*l - 2.4285922050*m + 0.4505937099*s,
		0.0259040371*l + 0.7827717662*m - 0.8086757660*s,
	}
}

// contrast returns the contrast ratio of two colors (WCAG 2.2).
func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	x, _ := luminance(t, a)
	y, _ := luminance(t, b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// fixedColors returns the fixed colors of a panel, by the names that they match.
func fixedColors(p panel) map[string]string {
	colors := map[string]string{}
	for _, o := range p.FieldConfig.Overrides {
		for _, property := range o.Properties {
			if mode, ok := property.Value.(map[string]any); ok && property.ID == "color" && mode["mode"] == "fixed" {
				colors[o.Matcher.Options], _ = mode["fixedColor"].(string)
			}
		}
	}
	return colors
}

// TestReasonColors checks that each reason has the same color in both panels with reasons. The
// colors must differ enough from each other, and from the light and the dark background of Grafana.
func TestReasonColors(t *testing.T) {
	api, err := os.ReadFile("../testdata/api/bearer.txt")
	if err != nil {
		t.Fatal(err)
	}
	reasons := regexp.MustCompile(`(?m)^const \w+ Reason = "(\w+)"$`).FindAllStringSubmatch(string(api), -1)
	if len(reasons) < 19 {
		t.Fatalf("got %d reasons, want at least 19", len(reasons))
	}
	var byReason, byRoute map[string]string
	for _, p := range readDashboard(t).Panels {
		switch p.Title {
		case "Refusals by reason":
			byReason = fixedColors(p)
		case "Refusals by route":
			byRoute = fixedColors(p)
		}
	}
	if len(byReason) != len(reasons) || len(byRoute) != len(reasons) {
		t.Errorf("got %d and %d colors, want one for each of %d reasons", len(byReason), len(byRoute), len(reasons))
	}
	seen := map[string][3]float64{}
	for _, m := range reasons {
		reason := m[1]
		color := byReason[reason]
		if !regexp.MustCompile(`^#[0-9A-F]{6}$`).MatchString(color) || byRoute["/: "+reason+"$/"] != color {
			t.Errorf("%s: got colors %q and %q, want the same color in both panels", reason, color, byRoute["/: "+reason+"$/"])
			continue
		}
		for _, background := range []string{"#FFFFFF", "#181B1F"} {
			if ratio := contrast(t, color, background); ratio < 3 {
				t.Errorf("%s: got contrast %.2f of %s and the background %s, want at least 3", reason, ratio, color, background)
			}
		}
		_, lab := luminance(t, color)
		for other, place := range seen {
			if distance := math.Hypot(math.Hypot(lab[0]-place[0], lab[1]-place[1]), lab[2]-place[2]); distance < 0.1 {
				t.Errorf("got similar colors of %s and %s, distance %.3f; want at least 0.1", reason, other, distance)
			}
		}
		seen[reason] = lab
	}
}
