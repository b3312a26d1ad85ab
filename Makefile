# Every target is safe to repeat: a second run downloads and rebuilds nothing that is still up to date. Products are in build/,
# and expensive downloads and builds are in the cache (VMM_CACHE, or ~/.cache/vmm).

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory --no-builtin-rules
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

SWIFT ?= swift
# The checks that hold for every build, tests included: the arrows between the targets are those of Package.swift.
SWIFT_CHECKS := --explicit-target-dependency-import-check error
# One static executable. lld folds identical functions. Its only warnings would be about functions of Foundation that need
# shared libraries, and nothing here calls these.
#
# For a quick start, the compiler specializes the metadata of known generic types, and the code of a start is linked side by
# side (scripts/start-order.py), so that a start takes as few page faults as that of a small program.
FRONTEND := -prespecialize-generic-metadata -function-sections
RELEASE := -c release --static-swift-stdlib -Xswiftc -static-executable $(FRONTEND:%=-Xswiftc -Xfrontend -Xswiftc %) \
    -Xswiftc -use-ld=lld -Xlinker --icf=all -Xlinker --no-warnings \
    -Xlinker --symbol-ordering-file=$(CURDIR)/scripts/start.order -Xlinker --no-warn-symbol-ordering

FORMATTED := Package.swift Sources Tests guest
SOURCES := Package.swift $(shell find Sources firmware -type f 2>/dev/null)
GUEST := $(shell find guest Sources/AgentProtocol Sources/Host/ByteCodec.swift Sources/Host/ByteQueue.swift -type f 2>/dev/null)
PREFIX ?= /usr/local
# The monitor, and what `vmm compare` runs in its place.
PROGRAMS := build/vmm build/vmm-compare

.PHONY: all install man completions demo check check-here test test-here lab kernel initramfs agent firmware kernels fuzz lint format bench order compare clean help toolchain

all: $(PROGRAMS) kernel agent man completions

help:
	@echo 'make            builds build/vmm, a static executable, build/vmm-compare, and what `vmm run` boots: a kernel and an agent'
	@echo 'make install    installs all of it below PREFIX (/usr/local)'
	@echo 'make man        writes the man pages, build/man; make completions those for bash, zsh and fish, build/completions'
	@echo 'make demo       boots a stock Debian kernel; in the lab if /dev/kvm has no hardware virtualization'
	@echo 'make check      checks the style and runs most tests that need neither KVM nor the lab: a few minutes'
	@echo "make test       runs all tests; FILTER='ImportTests|StoreTests' runs those of some suites"
	@echo "make lab CMD='COMMAND'   runs a command, or a shell, in the lab; VMM_LAB_OPTIONS has options of Tests/Lab/lab.sh"
	@echo 'make kernel     builds the guest kernel of the project, build/vmlinux'
	@echo 'make initramfs  builds its user space, build/initramfs.cpio'
	@echo 'make agent      builds the initramfs of containers, build/agent.cpio'
	@echo 'make firmware   builds the tiny guests of the tests and measurements, build/firmware'
	@echo 'make kernels    downloads the Debian kernels that the tests boot, build/kernels'
	@echo 'make compare    containers and micro-VMs on this machine, side by side: build/comparison/*.html'
	@echo 'make bench      measures the promises of SPECIFICATION.md; PARTS="boot start" for some of them'
	@echo 'make order      rewrites scripts/start.order, which links the code of a start side by side; needs /dev/kvm'
	@echo 'make fuzz       runs each fuzzer for a minute'
	@echo 'make lint       checks style and syntax; make format corrects the style'
	@echo 'make clean      removes build and .build, but not the cache'

# --- the monitor

toolchain:
	@scripts/packages.sh build
	@$(SWIFT) --version 2>/dev/null | grep -Eq 'Swift version (6\.([3-9]|[1-9][0-9])|[7-9])' || { \
	    echo "make: this needs Swift 6.3 or later, and \`$(SWIFT)' is none of these; see swift.org/install, then put it on the PATH" \
	        "or run make SWIFT=/path/to/swift" >&2; exit 1; }

# The toolchain is checked only before a build, because `sudo make install` may not find it.
$(PROGRAMS) build/vmm-bench: $(SOURCES) scripts/start.order
	@$(MAKE) toolchain
	@[ scripts/start.order -ot .build/release/$(@F) ] || rm -f .build/release/$(@F)  # SwiftPM does not know of the list
	$(SWIFT) build $(RELEASE) $(SWIFT_CHECKS) --product $(@F)
	@mkdir -p build
	@strip -o $@.part .build/release/$(@F) && mv $@.part $@

# --- the guest

kernel: build/vmlinux
build/vmlinux: guest/build-kernel.sh guest/common.sh guest/edits.sh guest/kernel.config
	@scripts/packages.sh kernel
	guest/build-kernel.sh $@
	@touch -c $@

initramfs: build/initramfs.cpio
build/initramfs.cpio: $(GUEST)
	@$(MAKE) toolchain
	@scripts/packages.sh initramfs
	guest/build-initramfs.sh $@
	@touch -c $@

# An initramfs with the agent alone.
agent: build/agent.cpio
build/agent.cpio: $(GUEST)
	@$(MAKE) toolchain
	@scripts/packages.sh initramfs
	guest/build-initramfs.sh --without-busybox $@
	@touch -c $@

# Written by the program from the declarations of its options.
man: build/man/vmm.1
build/man/vmm.1: build/vmm
	@rm -rf build/man && mkdir -p build/man
	@build/vmm help --pages | while read -r page; do \
	    build/vmm help --man $${page#vmm} >"build/man/$${page// /-}.1" || exit 1; done
	@touch $@

completions: build/completions/vmm
build/completions/vmm: build/vmm
	@mkdir -p build/completions
	@build/vmm help --completion zsh >build/completions/_vmm
	@build/vmm help --completion fish >build/completions/vmm.fish
	@build/vmm help --completion bash >$@

install: all
	@install -D -m 755 -t '$(DESTDIR)$(PREFIX)/bin' build/vmm && \
	    install -D -m 755 -t '$(DESTDIR)$(PREFIX)/libexec/vmm' build/vmm-compare && \
	    install -D -m 644 -t '$(DESTDIR)$(PREFIX)/lib/vmm' build/vmlinux build/agent.cpio && \
	    install -D -m 644 -t '$(DESTDIR)$(PREFIX)/share/man/man1' build/man/*.1 && \
	    install -D -m 644 -t '$(DESTDIR)$(PREFIX)/share/bash-completion/completions' build/completions/vmm && \
	    install -D -m 644 -t '$(DESTDIR)$(PREFIX)/share/zsh/site-functions' build/completions/_vmm && \
	    install -D -m 644 -t '$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d' build/completions/vmm.fish || { \
	    echo "make: cannot install below $(DESTDIR)$(PREFIX); write \`sudo make install' or" \
	        "\`make install PREFIX=$$HOME/.local'" >&2; exit 1; }
	@echo 'installed: $(DESTDIR)$(PREFIX)/bin/vmm'

firmware: build/firmware/.made
build/firmware/.made: $(wildcard firmware/*.S firmware/*.h) firmware/build.sh
	@scripts/packages.sh build
	firmware/build.sh
	@touch $@

kernels:
	@scripts/debian-kernel.sh 6.1 6.12

# --- demo, tests and measurements

demo: build/vmm
	@scripts/demo.sh

# The sets of packages whose programs the tests may use, here and in the lab. The tests find no other program.
TEST_SETS := build kernels kernel initramfs lab images archives pages peers tables manual
TEST_PROGRAMS := $(CURDIR)/build/programs

test:
	@scripts/packages.sh $(TEST_SETS)
	@scripts/programs.sh '$(TEST_PROGRAMS)' '$(SWIFT)' $(TEST_SETS)
	@PATH='$(TEST_PROGRAMS)' VMM_PROGRAMS='$(TEST_PROGRAMS)' $(MAKE) test-here SWIFT='$(notdir $(SWIFT))'

# Style, and most tests that need neither KVM nor the lab.
CHECK_TESTS := Tidy Host Arguments GuestMemory AgentProtocol Virtio Devices Boot Layers
check:
	@scripts/packages.sh $(TEST_SETS)
	@scripts/programs.sh '$(TEST_PROGRAMS)' '$(SWIFT)' $(TEST_SETS)
	@PATH='$(TEST_PROGRAMS)' VMM_PROGRAMS='$(TEST_PROGRAMS)' VMM_TESTS='$(CHECK_TESTS)' \
	    $(MAKE) check-here SWIFT='$(notdir $(SWIFT))'

check-here: lint kernels
	$(SWIFT) test $(SWIFT_CHECKS) $(FILTER:%=--filter '%')

# Prepares the lab before the tests, which start it many times.
test-here: $(PROGRAMS) man completions kernel initramfs agent firmware kernels fuzz
	@scripts/debian-kernel.sh 6.1-full
	$(SWIFT) test $(SWIFT_CHECKS) $(FILTER:%=--filter '%')

fuzz: | toolchain
	@SWIFT='$(SWIFT)' scripts/fuzz.sh

lab: export VMM_LAB_COMMAND := $(value CMD)
lab:
	@Tests/Lab/lab.sh /bin/bash $(if $(CMD),-c 'eval "$$VMM_LAB_COMMAND"')

# The figures of each part lie in build/bench, and build/bench.json gets every sample.
bench: $(PROGRAMS) build/vmm-bench kernel initramfs agent firmware
	@scripts/packages.sh bench lab
	@scripts/peers.sh
	@Benchmarks/build.sh
	@build/vmm-bench $(PARTS)

order: build/vmm firmware
	@scripts/packages.sh order
	@scripts/start-order.py

compare: $(PROGRAMS) kernel agent
	@scripts/packages.sh lab images bench
	@scripts/compare.sh

# --- style

lint:
	$(SWIFT) format lint --strict --parallel -r $(FORMATTED)
	@git ls-files | while read -r file; do case $$(head -c 32 "$$file" 2>/dev/null | head -n 1 | tr -d '\0') in \
	    '#!/bin/bash'*) bash -n "$$file" ;; \
	    '#!/bin/sh'* | '#!/bin/busybox'*) sh -n "$$file" ;; \
	    '#!/usr/bin/env python3'*) python3 -c 'import ast, sys; ast.parse(open(sys.argv[1]).read())' "$$file" ;; \
	esac || exit 1; done

format:
	$(SWIFT) format -i --parallel -r $(FORMATTED)

clean:
	rm -rf build .build
