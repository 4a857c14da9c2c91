// RUN: rondo-opt %s --rondo-lower-kernels-cpu -split-input-file -verify-diagnostics
// RUN: echo "module {}" | not rondo-opt --rondo-lower-kernels-cpu=vector-bits=100 2>&1 | FileCheck %s
// CHECK: vector-bits is 100; expected 128, 256 or 512

!d = memref<?x4x?x?xf32, strided<[?, ?, ?, 1], offset: ?>>
!l = memref<?x4x?xf32>
func.func private @dynamic_features(%part: index, %parts: index, %q: !d, %o: !d, %l: !l)
    attributes {exec.kernel = "attend"} {
  // expected-error @below {{has feature size ? in K; expected a static size within 1..256}}
  rondo.attend ins(%q, %q, %q : !d, !d, !d) outs(%o, %l : !d, !l) scale 1.0
  return
}

// -----

!t = memref<?x4x?x257xf32>
!l = memref<?x4x?xf32>
func.func private @large_features(%part: index, %parts: index, %q: !t, %o: !t, %l: !l)
    attributes {exec.kernel = "attend"} {
  // expected-error @below {{has feature size 257 in K; expected a static size within 1..256}}
  rondo.attend ins(%q, %q, %q : !t, !t, !t) outs(%o, %l : !t, !l) scale 1.0
  return
}

// -----

!d = memref<?x4x?x?xf32>
!l = memref<?x4x?xf32>
func.func private @dynamic_merge(%part: index, %parts: index, %a: !d, %la: !l, %o: !d, %l: !l)
    attributes {exec.kernel = "merge"} {
  // expected-error @below {{has feature size ? in O; expected a static size}}
  rondo.merge ins(%a, %la : !d, !l) outs(%o, %l : !d, !l)
  return
}

// -----

// expected-error @below {{kernel @two has 2 operations besides constants; expected (%part: index, %parts: index, operands...) with one operation and a return}}
func.func private @two(%part: index, %parts: index, %a: memref<4xf32>, %b: memref<4xf32>)
    attributes {exec.kernel = "copy"} {
  linalg.copy ins(%a : memref<4xf32>) outs(%b : memref<4xf32>)
  linalg.copy ins(%a : memref<4xf32>) outs(%b : memref<4xf32>)
  return
}

// -----

// expected-error @below {{kernel @no_parts does not begin with two arguments of type index; expected (%part: index, %parts: index, operands...) with one operation and a return}}
func.func private @no_parts(%a: memref<4xf32>, %b: memref<4xf32>) attributes {exec.kernel = "copy"} {
  linalg.copy ins(%a : memref<4xf32>) outs(%b : memref<4xf32>)
  return
}

// -----

// expected-error @below {{kernel @declared does not have a body of one block}}
func.func private @declared(%part: index, %parts: index) attributes {exec.kernel = "copy"}

// -----

func.func private @unknown(%part: index, %parts: index, %a: memref<4xf32>) attributes {exec.kernel = "free"} {
  // expected-error @below {{cannot be a kernel on CPUs; expected rondo.attend, rondo.merge, memref.copy or an operation of linalg, on memrefs}}
  memref.dealloc %a : memref<4xf32>
  return
}
