"""The front end itself, against a peer that is not ours.

    vm1 (this process) --- net_vhost0 [dpdk-testpmd, io forwarding] net_vhost1 --- vm2 (this process)
"""
