package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

type stage struct {
	Name         string
	Base         string
	Instructions []instruction
}

type instruction struct {
	Name string
	// The words of ENTRYPOINT, CMD, RUN and HEALTHCHECK; one word that a shell splits where IsShell.
	Words   []string          `json:",omitempty"`
	IsShell bool              `json:",omitempty"`
	Pairs   map[string]string `json:",omitempty"`
	// What COPY takes, and where it puts it.
	Sources []string `json:",omitempty"`
	Target  string   `json:",omitempty"`
	From    string   `json:",omitempty"`
	Text    string
}

// dockerfiles returns the stages of each file; BuildKit's warnings, those of `docker build --check` that need no
// images, are errors.
func dockerfiles(files []string) (any, error) {
	found := map[string][]stage{}
	var wrong []error
	for _, file := range files {
		stages, err := dockerfile(file)
		wrong = append(wrong, err)
		found[file] = stages
	}
	return found, errors.Join(wrong...)
}

func dockerfile(file string) ([]stage, error) {
	opened, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	parsed, err := parser.Parse(opened)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	var wrong []error
	for _, warning := range parsed.Warnings {
		wrong = append(wrong, fmt.Errorf("%s: %s", file, warning.Short))
	}
	warn := func(rule, _, url, message string, where []parser.Range) {
		line := 0
		if len(where) > 0 {
			line = where[0].Start.Line
		}
		wrong = append(wrong, fmt.Errorf("%s:%d: %s: %s (%s)", file, line, rule, message, url))
	}
	read, _, err := instructions.Parse(parsed.AST, linter.New(&linter.Config{Warn: warn}))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	stages := make([]stage, 0, len(read))
	for _, one := range read {
		made := stage{Name: one.Name, Base: one.BaseName}
		for _, command := range one.Commands {
			made.Instructions = append(made.Instructions, told(command))
		}
		stages = append(stages, made)
	}
	return stages, errors.Join(wrong...)
}

func told(command instructions.Command) instruction {
	made := instruction{Name: command.Name(), Text: fmt.Sprint(command)}
	switch c := command.(type) {
	case *instructions.RunCommand:
		made.Words, made.IsShell = c.CmdLine, c.PrependShell
	case *instructions.CmdCommand:
		made.Words, made.IsShell = c.CmdLine, c.PrependShell
	case *instructions.EntrypointCommand:
		made.Words, made.IsShell = c.CmdLine, c.PrependShell
	case *instructions.HealthCheckCommand:
		// CMD or CMD-SHELL comes first.
		made.Words, made.IsShell = c.Health.Test[1:], c.Health.Test[0] == "CMD-SHELL"
	case *instructions.EnvCommand:
		made.Pairs = map[string]string{}
		for _, pair := range c.Env {
			made.Pairs[pair.Key] = pair.Value
		}
	case *instructions.CopyCommand:
		made.Sources, made.Target, made.From = c.SourcePaths, c.DestPath, c.From
	case *instructions.ExposeCommand:
		made.Words = c.Ports
	case *instructions.UserCommand:
		made.Words = []string{c.User}
	case *instructions.WorkdirCommand:
		made.Words = []string{c.Path}
	case *instructions.VolumeCommand:
		made.Words = c.Volumes
	}
	return made
}
