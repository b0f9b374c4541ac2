package manifests

import (
	"errors"
	"fmt"
	"strings"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/yaml"
)

// containerNames are members of a container. A block that begins with one of them is a part of a
// container.
var containerNames = []string{"readinessProbe", "livenessProbe", "startupProbe", "volumeMounts"}

// objectTypes are the types of the objects in the repository.
var objectTypes = map[meta.TypeMeta]func() any{
	{APIVersion: "apps/v1", Kind: "Deployment"}:           func() any { return new(apps.Deployment) },
	{APIVersion: "v1", Kind: "Service"}:                   func() any { return new(core.Service) },
	{APIVersion: "v1", Kind: "ConfigMap"}:                 func() any { return new(core.ConfigMap) },
	{APIVersion: "v1", Kind: "Secret"}:                    func() any { return new(core.Secret) },
	{APIVersion: "v1", Kind: "Pod"}:                       func() any { return new(core.Pod) },
	{APIVersion: "networking.k8s.io/v1", Kind: "Ingress"}: func() any { return new(networking.Ingress) },
}

// DecodeKubernetes decodes one object. An object without a kind is a part of a manifest: a pod
// template, or a part of a container.
func DecodeKubernetes(document string) (any, error) {
	var of meta.TypeMeta
	if err := yaml.Unmarshal([]byte(document), &of); err != nil {
		return nil, err
	}
	var object any
	switch create, ok := objectTypes[of]; {
	case ok:
		object = create()
	case of != meta.TypeMeta{}:
		return nil, fmt.Errorf("the kind %s %s is unknown; add its type to objectTypes", of.APIVersion, of.Kind)
	case strings.Contains("\n"+document, "\nspec:"):
		object = new(core.PodTemplateSpec)
	default:
		object = new(core.Container)
	}
	return object, decodeStrict(document, object)
}

// agree checks that the names in the objects of a source agree.
func agree(objects []any, s Source) error {
	var all []error
	var deployments []*apps.Deployment
	for _, object := range objects {
		switch object := object.(type) {
		case *apps.Deployment:
			deployments = append(deployments, object)
			if !matches(object.Spec.Selector.MatchLabels, object.Spec.Template.Labels) {
				all = append(all, fmt.Errorf("deployment %s: the selector %v does not match the labels %v", object.Name, object.Spec.Selector.MatchLabels, object.Spec.Template.Labels))
			}
			all = append(all, agreePod(object.Name, object.Spec.Template.Spec), references(object, objects, s))
		case *core.PodTemplateSpec:
			all = append(all, agreePod("pod", object.Spec))
		case *core.Pod:
			all = append(all, agreePod(object.Name, object.Spec))
		}
	}
	for _, object := range objects {
		if service, ok := object.(*core.Service); ok {
			all = append(all, agreeService(service, deployments))
		}
	}
	return errors.Join(all...)
}

// matches reports whether the labels contain the selector.
func matches(selector, labels map[string]string) bool {
	for name, value := range selector {
		if labels[name] != value {
			return false
		}
	}
	return len(selector) > 0
}

// agreePod checks the names of volumes and ports.
func agreePod(name string, pod core.PodSpec) error {
	var all []error
	unused := map[string]bool{}
	for _, volume := range pod.Volumes {
		unused[volume.Name] = true
	}
	volumes := len(unused)
	for _, container := range pod.Containers {
		for _, mount := range container.VolumeMounts {
			if _, ok := unused[mount.Name]; !ok {
				all = append(all, fmt.Errorf("%s: container %s mounts the volume %q, which does not exist", name, container.Name, mount.Name))
				continue
			}
			unused[mount.Name] = false
		}
		for _, probe := range []*core.Probe{container.ReadinessProbe, container.LivenessProbe, container.StartupProbe} {
			if probe != nil && probe.HTTPGet != nil && !hasPort(container, probe.HTTPGet.Port) {
				all = append(all, fmt.Errorf("%s: container %s has no port %s, which a probe uses", name, container.Name, probe.HTTPGet.Port.String()))
			}
		}
	}
	if len(pod.Volumes) != volumes {
		all = append(all, fmt.Errorf("%s: two volumes have the same name", name))
	}
	for volume, is := range unused {
		if is {
			all = append(all, fmt.Errorf("%s: no container mounts the volume %q", name, volume))
		}
	}
	return errors.Join(all...)
}

// hasPort reports whether a container has a port with this name or this number.
func hasPort(container core.Container, wanted intstr.IntOrString) bool {
	for _, port := range container.Ports {
		if wanted.Type == intstr.String && port.Name == wanted.StrVal || wanted.Type == intstr.Int && port.ContainerPort == wanted.IntVal {
			return true
		}
	}
	return false
}

// agreeService checks that a service selects a deployment with its ports.
func agreeService(service *core.Service, deployments []*apps.Deployment) error {
	for _, deployment := range deployments {
		if deployment.Namespace != service.Namespace || !matches(service.Spec.Selector, deployment.Spec.Template.Labels) {
			continue
		}
		for _, port := range service.Spec.Ports {
			found := false
			for _, container := range deployment.Spec.Template.Spec.Containers {
				found = found || hasPort(container, port.TargetPort)
			}
			if !found {
				return fmt.Errorf("service %s: the deployment %s has no port %s", service.Name, deployment.Name, port.TargetPort.String())
			}
		}
		return nil
	}
	return fmt.Errorf("service %s: the selector %v matches no deployment of its namespace", service.Name, service.Spec.Selector)
}

// references checks that each ConfigMap and each Secret of a deployment is in the source, or that a
// comment of the source names it.
func references(deployment *apps.Deployment, objects []any, s Source) error {
	known := map[string]bool{}
	for _, object := range objects {
		if configMap, ok := object.(*core.ConfigMap); ok && configMap.Namespace == deployment.Namespace {
			known["ConfigMap "+configMap.Name] = true
		}
	}
	var wanted []string
	for _, volume := range deployment.Spec.Template.Spec.Volumes {
		if volume.ConfigMap != nil {
			wanted = append(wanted, "ConfigMap "+volume.ConfigMap.Name)
		}
		if volume.Secret != nil {
			wanted = append(wanted, "Secret "+volume.Secret.SecretName)
		}
	}
	for _, container := range deployment.Spec.Template.Spec.Containers {
		for _, from := range container.EnvFrom {
			if from.ConfigMapRef != nil {
				wanted = append(wanted, "ConfigMap "+from.ConfigMapRef.Name)
			}
		}
		for _, variable := range container.Env {
			if from := variable.ValueFrom; from != nil && from.SecretKeyRef != nil {
				wanted = append(wanted, "Secret "+from.SecretKeyRef.Name)
			}
		}
	}
	for _, name := range wanted {
		if !known[name] && !strings.Contains(s.Text, "the "+name+" in the namespace "+deployment.Namespace) {
			return fmt.Errorf("deployment %s: %s is not in the file, and no comment says that it is necessary", deployment.Name, name)
		}
	}
	return nil
}
