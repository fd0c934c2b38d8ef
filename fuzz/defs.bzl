"""fuzz_target(): one fuzz target, in every form that it is built in."""

def fuzz_target(name, deps, corpus = [], tags = [], by_ops = False):
    """A fuzz target from NAME.c.

    NAME: a test that replays the corpus. NAME_bin: the fuzzer; it links with
    a fuzzing engine only, so build it with --config=libfuzzer,
    asan-libfuzzer or ubsan-libfuzzer.

    Args:
      name: the name of the target and of its source.
      deps: what the source needs.
      corpus: label of the inputs that the test replays, as bytes.
      tags: of the test, such as "kvm".
      by_ops: inputs are scenarios, and are mutated by ops, not bytes.
    """
    native.cc_library(
        name = name + "_lib",
        srcs = [name + ".c"],
        deps = deps + [":session"],
        alwayslink = True,
    )
    native.cc_test(
        name = name,
        size = "medium",
        srcs = ["replay.c"],
        args = ["$(locations %s)" % c for c in corpus],
        data = corpus,
        tags = tags,
        deps = [":%s_lib" % name],
    )
    native.cc_binary(
        name = name + "_bin",
        srcs = select({
            ":afl": [":afl_main.o", ":afl_runtime.o"],
            "//conditions:default": [],
        }),
        linkopts = select({
            ":libfuzzer": ["-fsanitize=fuzzer"],
            "//conditions:default": [],
        }),
        tags = ["manual"],
        visibility = ["//tests:__subpackages__"],
        deps = [":%s_lib" % name] + select({
            ":libfuzzer": [":mutator"] if by_ops else [],
            "//conditions:default": [],
        }),
    )
