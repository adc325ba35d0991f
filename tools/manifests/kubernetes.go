package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// kubernetes decodes each document as the API server does when it is strict: an unknown
// field, one that stands twice or in other letter case, and a wrong type are errors.
// Then it looks at what the types do not say.
func kubernetes(text []byte) error {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{core.AddToScheme, apps.AddToScheme, networking.AddToScheme} {
		if err := add(scheme); err != nil {
			return err
		}
	}
	decoder := json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme, scheme, json.SerializerOptions{Yaml: true, Strict: true})
	var problems []error
	documents := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	objects := 0
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if empty, err := isEmpty(document); err != nil || empty {
			problems = append(problems, err)
			continue
		}
		object, kind, err := decoder.Decode(document, nil, nil)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		objects++
		var template *core.PodTemplateSpec
		var claims []core.PersistentVolumeClaim
		switch o := object.(type) {
		case *apps.Deployment:
			template = &o.Spec.Template
		case *apps.StatefulSet:
			template, claims = &o.Spec.Template, o.Spec.VolumeClaimTemplates
		}
		if template != nil {
			problems = append(problems, prefixed(kind.Kind, pod(&template.Spec, claims)))
		}
	}
	if objects == 0 {
		problems = append(problems, errors.New("has no object"))
	}
	return errors.Join(problems...)
}

// isEmpty says whether a document is nothing but comments.
func isEmpty(document []byte) (bool, error) {
	var any map[string]any
	err := yaml.Unmarshal(document, &any)
	return len(any) == 0, err
}

func prefixed(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

// pod looks at volumes, ports and rights, and that a sidecar has what starts the next
// container no sooner than it should.
func pod(spec *core.PodSpec, claims []core.PersistentVolumeClaim) error {
	var problems []error
	complain := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	volumes, mounted := map[string]bool{}, map[string]bool{}
	for _, v := range spec.Volumes {
		volumes[v.Name] = true
	}
	for _, c := range claims {
		volumes[c.Name] = true
	}
	if spec.AutomountServiceAccountToken == nil || *spec.AutomountServiceAccountToken {
		complain("gets a token for the API, which nothing here needs")
	}
	if spec.SecurityContext == nil || spec.SecurityContext.RunAsNonRoot == nil || !*spec.SecurityContext.RunAsNonRoot {
		complain("may run as root")
	}
	for _, c := range spec.InitContainers {
		if c.RestartPolicy == nil || *c.RestartPolicy != core.ContainerRestartPolicyAlways {
			complain("init container %s is no sidecar", c.Name)
		}
		if c.StartupProbe == nil {
			complain("sidecar %s has no startup probe: the next container starts before it is there", c.Name)
		}
	}
	for _, c := range append(append([]core.Container(nil), spec.InitContainers...), spec.Containers...) {
		for _, m := range c.VolumeMounts {
			if mounted[m.Name] = true; !volumes[m.Name] {
				complain("container %s mounts %s, which is no volume", c.Name, m.Name)
			}
		}
		for _, p := range []*core.Probe{c.StartupProbe, c.ReadinessProbe, c.LivenessProbe} {
			if p == nil || p.HTTPGet == nil {
				continue
			}
			if !hasPort(&c, p.HTTPGet.Port) {
				complain("a probe of container %s asks for port %s, which it does not have", c.Name, p.HTTPGet.Port.String())
			}
		}
		s := c.SecurityContext
		if s == nil || s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation || s.ReadOnlyRootFilesystem == nil || !*s.ReadOnlyRootFilesystem ||
			s.Capabilities == nil || len(s.Capabilities.Drop) != 1 || s.Capabilities.Drop[0] != "ALL" {
			complain("container %s has more rights than it needs", c.Name)
		}
	}
	for name := range volumes {
		if !mounted[name] {
			complain("nothing mounts the volume %s", name)
		}
	}
	return errors.Join(problems...)
}

func hasPort(c *core.Container, port intstr.IntOrString) bool {
	for _, p := range c.Ports {
		if p.Name == port.StrVal && port.Type == intstr.String || p.ContainerPort == port.IntVal && port.Type == intstr.Int {
			return true
		}
	}
	return false
}
