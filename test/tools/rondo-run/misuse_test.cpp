// Wrong command lines and wrong files: each ends with status 2 and an error that names what is wrong and what is right.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/tools/rondo-run/rondo_run.h"

using namespace rondo::test;

namespace {

using Arguments = std::vector<std::string>;

class Misuse : public RondoRun {
protected:
  /// The error of running the sample's `copy_f32` with one more option, or several.
  void expectMisuse(const Arguments &options, const std::vector<std::string> &phrases) {
    Arguments arguments = {sampleProgram, "--function=copy_f32", "--ranks=2"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    expectError(2, arguments, phrases);
  }
};

TEST_F(Misuse, CommandLine) {
  expectError(2, {}, {"no program given", "--help"});
  expectError(2, {"a.so", "b.so"}, {"expected one program, got 'a.so' and 'b.so'"});
  expectError(2, {"a.so", "--rank5=2"}, {"unknown or ambiguous option '--rank5'", "did you mean '--ranks'?"});
  expectError(2, {"a.so", "-x"}, {"option '-x'"});
  expectError(2, {"a.so", "--ranks"}, {"option '--ranks' needs a value"});
  expectError(2, {"a.so", "--check=yes"}, {"option '--check' takes no value"});
}

TEST_F(Misuse, Programs) {
  expectError(2, {"missing.so"}, {"missing.so"});
  expectError(2, {"--describe", "missing.so"}, {"missing.so"});
  folder.write("text.so", "int main() {}\n");
  expectError(2, {"text.so"}, {"text.so"});
  folder.write("empty.so", "");
  expectError(2, {"empty.so"}, {"empty.so"});
  expectError(2, {folder.path("")}, {folder.path("")});
  expectError(2, {RONDO_RUNTIME_LIBRARY}, {"rondo_program_v1"}); // a shared object, but not a program
}

TEST_F(Misuse, TruncatedPrograms) {
  std::ifstream file(sampleProgram, std::ios::binary);
  std::string whole{std::istreambuf_iterator<char>(file), {}};
  ASSERT_GT(whole.size(), 1000u);
  for (size_t length : {size_t(1), size_t(63), size_t(64), size_t(500), whole.size() / 2, whole.size() - 1}) {
    folder.write("cut.so", whole.substr(0, length));
    expectError(2, {"cut.so", "--function=copy_f32", "--length", "s0=3"}, {"cut.so"});
  }
}

TEST_F(Misuse, Ranks) {
  for (const char *ranks : {"0", "-1", "4097", "1000000000000000000000", "two", "", "2x", " 2", "1.5"})
    expectMisuse({std::string("--ranks=") + ranks, "--length=s0=5"}, {"--ranks=", "a whole number from 1 to 4096"});
  for (const char *threads : {"0", "-1", "257", "two", ""})
    expectMisuse({std::string("--threads-per-rank=") + threads, "--length=s0=5"},
                 {"--threads-per-rank=", "a whole number from 1 to 256"});
  for (const char *number : {"-1", "1025", "all", ""})
    expectMisuse({std::string("--sm-margin=") + number, "--length=s0=5"},
                 {"--sm-margin=", "a whole number from 0 to 1024"});
  for (const char *number : {"-1", "65"})
    expectMisuse({std::string("--nccl-ctas=") + number, "--communicator=nccl"},
                 {"--nccl-ctas=", "a whole number from 0 to 64"});
  expectMisuse({"--nccl-ctas=0", "--length=s0=5"}, {"--nccl-ctas has no effect without --communicator=nccl"});
  expectError(2, {staticSampleProgram, "--function=copy_f32", "--length=s0=5", "--ranks=3"},
              {"--ranks=3", "grid @gpus is static and has 4 ranks"});
}

TEST_F(Misuse, Communicators) {
  expectMisuse({"--communicator=thread"}, {"unknown communicator 'thread'", "did you mean 'threads'?"});
  expectMisuse({"--communicator=pigeons"}, {"unknown communicator 'pigeons'", "known: threads, loopback, mpi"});
}

TEST_F(Misuse, Links) {
  for (const char *link : {"", "5", "-1,10", "5,-10", "5,0", "5,10,1", "a,b", "5,", ",5", "inf,1", "1,nan", "1 ,2"})
    expectMisuse({std::string("--link=") + link}, {"malformed --link=", "LATENCY_US,GB_PER_S"});
}

TEST_F(Misuse, Injections) {
  for (const char *fault : {"", "fail", "fail@0", "fail@0,copy", "fail@x,copy,0", "fail@0,,0", "fail@0,copy,-1",
                            "burn@0,copy,0", "fail@-1,copy,0"})
    expectMisuse({std::string("--inject=") + fault}, {"malformed --inject=", "fail@RANK,OP,STEP"});
  expectMisuse({"--inject=fail@2,copy,0", "--length=s0=5"}, {"no rank 2 among 2"});
  expectMisuse({"--inject=stall@0,copy,0", "--timeout=0"}, {"would never end"});
}

TEST_F(Misuse, Numbers) {
  for (const char *text : {"", "-1", "x", "nan", "inf", "0x10"}) {
    expectMisuse({std::string("--timeout=") + text}, {"malformed --timeout="});
    expectMisuse({std::string("--repeat=") + text}, {"malformed --repeat="});
    expectMisuse({"--check", std::string("--tolerance=") + text}, {"malformed --tolerance="});
    expectMisuse({std::string("--seed=") + text}, {"malformed --seed="});
  }
  expectMisuse({"--repeat=0"}, {"a whole number from 1 to 1000000"});
  expectMisuse({"--amplitude=big"}, {"malformed --amplitude=big"});
  expectMisuse({"--amplitude=arg0="}, {"malformed --amplitude=arg0="});
  expectMisuse({"--describe=xml"}, {"--describe=json"});
}

TEST_F(Misuse, Combinations) {
  expectMisuse({"--communicator=loopback", "--check"}, {"loopback", "results are not the program's"});
  expectMisuse({"--communicator=loopback", "--output=result0=x.npy"}, {"loopback", "results are not the program's"});
  expectMisuse({"--tolerance=1"}, {"no effect without --check"});
}

TEST_F(Misuse, Names) {
  expectError(2, {sampleProgram}, {"has 8 functions: copy_f32, copy_f16", "--function=NAME"});
  expectError(2, {sampleProgram, "--function=copy_f23"}, {"no function 'copy_f23'", "did you mean 'copy_f32'?"});
  expectMisuse({"--input=arg1=x.npy"}, {"no input 'arg1'; known: arg0; did you mean 'arg0'?"});
  expectMisuse({"--output=result=x.npy"}, {"no output 'result'; known: result0; did you mean 'result0'?"});
  expectMisuse({"--amplitude=q=3"}, {"no input 'q'; known: arg0"});
  expectMisuse({"--input=arg0"}, {"malformed --input=arg0: expected NAME=FILE.npy"});
  expectMisuse({"--input=arg0=a.npy", "--input=arg0=b.npy"}, {"--input names 'arg0' twice"});
}

TEST_F(Misuse, Lengths) {
  expectMisuse({}, {"length 's0' of function 'copy_f32' is not bound", "--length s0=N"});
  expectError(2, {sampleProgram, "--function=first_of_two", "--length=s1=4"},
              {"lengths 'b', 's0' of function 'first_of_two' are not bound", "--length b=N --length s0=N"});
  expectMisuse({"--length=s=5"}, {"no length 's'; known: s0; did you mean 's0'?"});
  expectMisuse({"--length=s0=-5"}, {"malformed --length=s0=-5"});
  expectMisuse({"--length=s0"}, {"malformed --length=s0: expected NAME=N"});
  expectMisuse({"--length=s0=1", "--length=s0=2"}, {"--length names 's0' twice"});
  expectMisuse({"--length=s0=1000000000000000"}, {"out of memory"});
  expectMisuse({"--length=s0=9223372036854775807"}, {"out of memory"});
}

TEST_F(Misuse, InputFiles) {
  std::string good = npyOfFloats({1, 2, 4, 3}, std::vector<float>(24));
  auto expectBadFile = [&](const std::string &content, const std::vector<std::string> &phrases) {
    folder.write("in.npy", content);
    std::vector<std::string> all = phrases;
    all.push_back("'in.npy'");
    expectMisuse({"--input=arg0=in.npy"}, all);
  };
  expectMisuse({"--input=arg0=missing.npy"}, {"'missing.npy'", "No such file"});
  expectBadFile("garbage", {"not a .npy file"});
  expectBadFile(good.substr(0, good.size() - 1), {"truncated", "takes 96 bytes of data, found 95"});
  expectBadFile(npyOfFloats({2, 4, 3}, std::vector<float>(24)), {"3 dimensions", "expected 4 for input 'arg0'"});
  expectBadFile(npyOfFloats({1, 3, 4, 3}, std::vector<float>(36)),
                {"shape [1, 3, 4, 3]; expected [1, 2, s0, 3]", "dimension 1 is 3, not 2"});
  std::string other = good;
  other.replace(other.find("<f4"), 3, "<i4");
  expectBadFile(other, {"dtype is '<i4'; expected '<f4'"});
  other.replace(other.find("<i4"), 3, ">f4");
  expectBadFile(other, {"big-endian"});
  other = good;
  other.replace(other.find("False"), 5, "True ");
  expectBadFile(other, {"Fortran order; expected C order"});
  other = npyOfFloats({1, 2, 4, 3}, std::vector<float>(12));
  other.replace(other.find("<f4"), 3, "<f2");
  expectBadFile(other, {"float16; expected float32 for input 'arg0' of type f32"});
}

TEST_F(Misuse, FilesThatDisagreeOnALength) {
  folder.write("in.npy", npyOfFloats({1, 2, 4, 3}, std::vector<float>(24)));
  expectMisuse({"--length=s0=5", "--input=arg0=in.npy"}, {"length 's0' is 5 by --length s0=5"});
  folder.write("two.npy", npyOfFloats({2, 2, 4, 3}, std::vector<float>(48)));
  expectError(2, {sampleProgram, "--function=first_of_two", "--input=arg0=in.npy", "--input=arg1=two.npy"},
              {"'two.npy'", "length 'b' is 1 by dimension 0 of 'in.npy'"});
}

TEST_F(Misuse, ValuesBeyondTheRangeOfTheType) {
  std::vector<float> values(24, 1);
  values[23] = 1e6f;
  folder.write("in.npy", npyOfFloats({1, 2, 4, 3}, values));
  expectError(2, {sampleProgram, "--function=copy_f16", "--input=arg0=in.npy"},
              {"1e+06 at [0, 1, 3, 2] is beyond the range of f16"});
}

TEST_F(Misuse, AmplitudesBeyondTheRangeOfTheType) {
  Arguments half = {sampleProgram, "--function=copy_f16", "--length=s0=5", "--amplitude=1e4"};
  expectError(2, half, {"input 'arg0' with amplitude 10000 would exceed the range of f16"});
}

TEST_F(Misuse, OutputPathsAreJudgedBeforeTheRun) {
  for (const char *option : {"--output=result0=", "--trace=", "--timeline=", "--json="}) {
    expectMisuse({option + std::string("none/x"), "--length=s0=5"}, {"'none/x'", "No such file"});
    expectMisuse({option + folder.path(""), "--length=s0=5"}, {"it is a folder"});
  }
  expectMisuse({"--output=result0=x", "--json=x", "--length=s0=5"}, {"'x' is to be written twice"});
}

TEST_F(Misuse, MissingReference) {
  expectError(2, {sampleProgram, "--function=no_reference", "--length=s0=5", "--check"},
              {"'no_reference' has no float64 reference", "--no-reference"});
}

} // namespace
