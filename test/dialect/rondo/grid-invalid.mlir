// The constraints of rondo.grid.
// RUN: rondo-opt %s -verify-diagnostics -split-input-file

// grid_c1: there is at least one axis.
// expected-error @+1 {{'rondo.grid' op needs at least one axis, for example ["seq" = 4]}}
rondo.grid @grid_c1_no_axis = []

// -----

// grid_c1: names are distinct.
// expected-error @+1 {{'rondo.grid' op names the axis "seq" twice}}
rondo.grid @grid_c1_twice = ["seq" = 4, "seq" = 2]

// -----

// grid_c1: names are not empty.
// expected-error @+1 {{'rondo.grid' op has an axis without a name}}
rondo.grid @grid_c1_no_name = ["" = 4]

// -----

// grid_c1: each axis has a size.
// expected-error @+1 {{'rondo.grid' op has 1 axis names, but 2 sizes}}
"rondo.grid"() <{sym_name = "grid_c1_sizes", axis_names = ["seq"], axis_sizes = array<i64: 4, 2>}> : () -> ()

// -----

// grid_c2: sizes are positive.
// expected-error @+1 {{'rondo.grid' op gives axis "seq" the size 0; expected at least 1, or ?}}
rondo.grid @grid_c2_zero = ["seq" = 0]

// -----

// expected-error @+1 {{'rondo.grid' op gives axis "seq" the size -4; expected at least 1, or ?}}
rondo.grid @grid_c2_negative = ["seq" = -4]

// -----

// grid_c2: the number of ranks is below 2^31.
// expected-error @+1 {{'rondo.grid' op has more than 2147483647 ranks}}
rondo.grid @grid_c2_huge = ["data" = 65536, "seq" = 32768]

// -----

// grid_c3: at most one size is bound at run time.
// expected-error @+1 {{'rondo.grid' op has 2 axes of size ?, but the number of ranks determines only one; give the others a size}}
rondo.grid @grid_c3_two_dynamic = ["data" = ?, "seq" = ?]

// -----

// expected-error @+1 {{expected string}}
rondo.grid @syntax_name = [seq = 4]

// -----

// expected-error @+1 {{expected integer value}}
rondo.grid @syntax_size = ["seq" = "4"]
