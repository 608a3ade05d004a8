"""Differentiable searches whose loss has what a network costs on a device: ProxylessNAS and FBNet."""
