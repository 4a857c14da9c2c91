// RUN: rondo-opt %s --rondo-choose-kernels-cuda -split-input-file -verify-diagnostics

!t = memref<1x4x?x64xf32>
!l = memref<1x4x?xf32>
func.func private @single(%part: index, %parts: index, %q: !t, %o: !t, %l: !l) attributes {exec.kernel = "attend"} {
  // expected-error @below {{has no kernel for cuda:sm_90a: elements are f32; sm_90a kernels compute on f16 and bf16; convert what it reads, or compile with --target=cpu}}
  rondo.attend ins(%q, %q, %q : !t, !t, !t) outs(%o, %l : !t, !l) scale 1.0
  return
}

// -----

!t = memref<1x4x?x257xbf16>
!l = memref<1x4x?xf32>
func.func private @large_features(%part: index, %parts: index, %q: !t, %o: !t, %l: !l)
    attributes {exec.kernel = "attend"} {
  // expected-error @below {{has no kernel for cuda:sm_90a: 257 features; expected 1 to 256}}
  rondo.attend ins(%q, %q, %q : !t, !t, !t) outs(%o, %l : !t, !l) scale 1.0
  return
}

// -----

!q = memref<1x4x?x8xbf16>
!v = memref<1x4x?x300xbf16>
!l = memref<1x4x?xf32>
func.func private @large_values(%part: index, %parts: index, %q: !q, %v: !v, %l: !l) attributes {exec.kernel = "attend"} {
  // expected-error @below {{has no kernel for cuda:sm_90a: 300 value features; expected 1 to 256}}
  rondo.attend ins(%q, %q, %v : !q, !q, !v) outs(%v, %l : !v, !l) scale 1.0
  return
}

// -----

!t = memref<1x4x?x?xbf16, strided<[?, ?, ?, 1]>>
!l = memref<1x4x?xf32>
func.func private @dynamic_features(%part: index, %parts: index, %q: !t, %o: !t, %l: !l)
    attributes {exec.kernel = "attend"} {
  // expected-error @below {{has feature size ? in K; expected a static size within 1..256}}
  rondo.attend ins(%q, %q, %q : !t, !t, !t) outs(%o, %l : !t, !l) scale 1.0
  return
}

// -----

!t = memref<1x4x?x257xf32>
!l = memref<1x4x?xf32>
func.func private @large_merge(%part: index, %parts: index, %a: !t, %la: !l, %b: !t, %lb: !l)
    attributes {exec.kernel = "merge"} {
  // expected-error @below {{has no kernel for cuda:sm_90a: merge: 257 features; expected 1 to 256}}
  rondo.merge ins(%a, %la : !t, !l) outs(%b, %lb : !t, !l)
  return
}
