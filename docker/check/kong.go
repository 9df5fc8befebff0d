package main

import (
	"context"

	"github.com/kong/go-database-reconciler/pkg/dump"
	"github.com/kong/go-database-reconciler/pkg/file"
	"github.com/kong/go-database-reconciler/pkg/state"
)

// kong returns the names of services, routes, consumers and plugins, after the three steps of `deck file validate`:
// the schema of the file with deck's variables put in, the entities in it, and what they refer to. The library is the
// one that deck is made of. It knows the fields of entities, not what a plugin's config may say.
func kong(files []string) (any, error) {
	content, err := file.GetContentFromFiles(files, false)
	if err != nil {
		return nil, err
	}
	empty, err := state.NewKongState()
	if err != nil {
		return nil, err
	}
	raw, err := file.Get(context.Background(), content, file.RenderConfig{CurrentState: empty}, dump.Config{}, nil)
	if err != nil {
		return nil, err
	}
	if _, err := state.Get(raw); err != nil {
		return nil, err
	}
	found := map[string][]string{}
	for _, one := range raw.Services {
		found["services"] = append(found["services"], *one.Name)
	}
	for _, one := range raw.Routes {
		found["routes"] = append(found["routes"], *one.Name)
	}
	for _, one := range raw.Consumers {
		found["consumers"] = append(found["consumers"], *one.CustomID)
	}
	for _, one := range raw.Plugins {
		found["plugins"] = append(found["plugins"], *one.Name)
	}
	for _, one := range raw.Upstreams {
		found["upstreams"] = append(found["upstreams"], *one.Name)
	}
	return found, nil
}
