package main

import (
	"context"
	"os"

	"github.com/compose-spec/compose-go/v2/cli"
)

// compose returns the project that the files make together, as `docker compose config` does: schema, references and
// variables are checked, these with the values that the environment has.
func compose(files []string) (any, error) {
	options, err := cli.NewProjectOptions(files, cli.WithName("arc"), cli.WithEnv(os.Environ()), cli.WithProfiles([]string{"*"}))
	if err != nil {
		return nil, err
	}
	return options.LoadProject(context.Background())
}
