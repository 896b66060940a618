# bash completion of swctl; printed by `swctl completion bash`.

_swctl_words()
{
	mapfile -t COMPREPLY < <(compgen -W "$*" -- "$cur")
}

_swctl_port_names()
{
	"${COMP_WORDS[0]}" "${where[@]}" --timeout 2 --json list-ports 2>/dev/null |
		sed -n 's/^ *"name": "\(.*\)",\{0,1\}$/\1/p'
}

_swctl_ports()
{
	_swctl_words "$(_swctl_port_names)"
}

_swctl_keys()
{
	local kind='' i
	for ((i = 1; i < COMP_CWORD - 1; i++)); do
		[[ ${COMP_WORDS[i]} == type ]] && kind=${COMP_WORDS[i + 2]}
	done
	case "$kind $key" in
	*' type') _swctl_words vhost-user nic virtio-user memif bond null ring dpdk af-xdp af-packet pcap pf-ring tap ;;
	' ')
		compopt -o nospace
		_swctl_words type=
		;;
	'vhost-user path') compopt -o default ;;
	'vhost-user mode') _swctl_words server client ;;
	'vhost-user offloads') _swctl_words on off ;;
	'vhost-user ')
		compopt -o nospace
		_swctl_words path= mode= queues= offloads= owner= group= tag= trunks=
		;;
	'nic ')
		compopt -o nospace
		_swctl_words pci= queues= mtu= tag= trunks=
		;;
	'virtio-user path') compopt -o default ;;
	'virtio-user packed') _swctl_words on off ;;
	'virtio-user ')
		compopt -o nospace
		_swctl_words path= queues= ring= packed= mac= tag= trunks=
		;;
	'memif path') compopt -o default ;;
	'memif role') _swctl_words server client ;;
	'memif ')
		compopt -o nospace
		_swctl_words path= role= id= secret= queues= ring= buffer= owner= group= mac= tag= trunks=
		;;
	'bond mode') _swctl_words active-backup balance 802.3ad ;;
	'bond hash') _swctl_words l2 l2+l3 l3+l4 ;;
	'bond ')
		compopt -o nospace
		_swctl_words members= mode= hash= mac= tag= trunks=
		;;
	'null rx') _swctl_words on off ;;
	'null ')
		compopt -o nospace
		_swctl_words rx= size= queues= tag= trunks=
		;;
	'ring ')
		compopt -o nospace
		_swctl_words name= size= tag= trunks=
		;;
	'dpdk ')
		compopt -o nospace
		_swctl_words devargs= queues= mtu= tag= trunks=
		;;
	'af-xdp copy') _swctl_words auto always ;;
	'af-xdp xdp') _swctl_words auto native generic ;;
	'af-xdp force') _swctl_words on off ;;
	'af-xdp ')
		compopt -o nospace
		_swctl_words iface= queues= start-queue= copy= xdp= busy-budget= mtu= force= tag= trunks=
		;;
	'af-packet qdisc-bypass') _swctl_words on off ;;
	'af-packet ')
		compopt -o nospace
		_swctl_words iface= queues= mtu= ring= qdisc-bypass= tag= trunks=
		;;
	'pcap rx-file') compopt -o default ;;
	'pcap tx-file') compopt -o default ;;
	'pcap loop') _swctl_words on off ;;
	'pcap ')
		compopt -o nospace
		_swctl_words iface= rx-file= tx-file= loop= tag= trunks=
		;;
	'pf-ring library') compopt -o default ;;
	'pf-ring ')
		compopt -o nospace
		_swctl_words iface= library= tag= trunks=
		;;
	'tap persist') _swctl_words on off ;;
	'tap ')
		compopt -o nospace
		_swctl_words iface= queues= mtu= mac= address= persist= tag= trunks=
		;;
	esac
}

# Behind in_port= and output: a port; the shell splits words at both signs.
_swctl_flow()
{
	case ${key##*,} in
	in_port | output | out_port) _swctl_ports ;;
	esac
}

# A flow, or a port and a file.
_swctl_trace()
{
	if [[ $key ]]; then
		_swctl_flow
	elif [[ $command == trace ]]; then
		_swctl_ports
	else
		compopt -o default
	fi
}

_swctl()
{
	local cur=${COMP_WORDS[COMP_CWORD]} key='' i word command='' where=()
	COMPREPLY=()
	if [[ $cur == [=:] ]]; then
		key=${COMP_WORDS[COMP_CWORD - 1]} cur=''
	elif ((COMP_CWORD > 1)) && [[ ${COMP_WORDS[COMP_CWORD - 1]} == [=:] ]]; then
		key=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		--run-dir)
			[[ ${COMP_WORDS[i + 1]} == = ]] && ((i++))
			((++i < COMP_CWORD)) && where=(--run-dir "${COMP_WORDS[i]}")
			;;
		--timeout | --interval | --count | --skip | --time | --ct-state | --cores | --isolated | --idle-us | --sleep-us | --rebalance-s | --port | --queue | --core | --zone)
			[[ ${COMP_WORDS[i + 1]} == = ]] && ((i++))
			((i++))
			;;
		-*) ;;
		*) command+="${command:+ }$word" ;;
		esac
	done
	if [[ $cur == -* ]]; then
		case $command in
		'') _swctl_words --run-dir --timeout --help --version --json --interval --count --skip --time --force --strict --no-stats --names --no-names --sort --rsort --may-create --ct-state --cores --isolated --idle-us --sleep-us --rebalance-s --port --queue --core --dry-run --zone ;;
		'list-ports' | 'list-ports '*) _swctl_words --run-dir --timeout --help --version --json ;;
		'show' | 'show '*) _swctl_words --run-dir --timeout --help --version --json ;;
		'mod-flows' | 'mod-flows '*) _swctl_words --run-dir --timeout --help --version --strict ;;
		'del-flows' | 'del-flows '*) _swctl_words --run-dir --timeout --help --version --strict ;;
		'diff-flows' | 'diff-flows '*) _swctl_words --run-dir --timeout --help --version --json ;;
		'dump-flows' | 'dump-flows '*) _swctl_words --run-dir --timeout --help --version --strict --no-stats --names --no-names --sort --rsort --json ;;
		'dump-aggregate' | 'dump-aggregate '*) _swctl_words --run-dir --timeout --help --version --strict --json ;;
		'dump-tables' | 'dump-tables '*) _swctl_words --run-dir --timeout --help --version --json ;;
		'mod-group' | 'mod-group '*) _swctl_words --run-dir --timeout --help --version --may-create ;;
		'dump-groups' | 'dump-groups '*) _swctl_words --run-dir --timeout --help --version --json ;;
		'dump-meters' | 'dump-meters '*) _swctl_words --run-dir --timeout --help --version --json ;;
		'meter-stats' | 'meter-stats '*) _swctl_words --run-dir --timeout --help --version --json ;;
		'trace' | 'trace '*) _swctl_words --run-dir --timeout --help --version --ct-state --skip --count --json ;;
		'dp trace' | 'dp trace '*) _swctl_words --run-dir --timeout --help --version --count --time --json ;;
		'dp show' | 'dp show '*) _swctl_words --run-dir --timeout --help --version --json ;;
		'dp dump-flows' | 'dp dump-flows '*) _swctl_words --run-dir --timeout --help --version --json ;;
		'stats' | 'stats '*) _swctl_words --run-dir --timeout --help --version --json ;;
		'drops' | 'drops '*) _swctl_words --run-dir --timeout --help --version --json ;;
		'pmd show' | 'pmd show '*) _swctl_words --run-dir --timeout --help --version --json ;;
		'pmd stats' | 'pmd stats '*) _swctl_words --run-dir --timeout --help --version --interval --count --json ;;
		'pmd set' | 'pmd set '*) _swctl_words --run-dir --timeout --help --version --cores --isolated --idle-us --sleep-us --rebalance-s --port --queue --core ;;
		'pmd rebalance' | 'pmd rebalance '*) _swctl_words --run-dir --timeout --help --version --dry-run --json ;;
		'ct dump' | 'ct dump '*) _swctl_words --run-dir --timeout --help --version --zone --json ;;
		'ct flush' | 'ct flush '*) _swctl_words --run-dir --timeout --help --version --zone ;;
		'ct stats' | 'ct stats '*) _swctl_words --run-dir --timeout --help --version --json ;;
		'fdb show' | 'fdb show '*) _swctl_words --run-dir --timeout --help --version --json ;;
		'version' | 'version '*) _swctl_words --run-dir --timeout --help --version --json ;;
		'doctor' | 'doctor '*) _swctl_words --run-dir --timeout --help --version --json ;;
		'nic list' | 'nic list '*) _swctl_words --run-dir --timeout --help --version --json ;;
		'nic bind' | 'nic bind '*) _swctl_words --run-dir --timeout --help --version --force ;;
		'nic unbind' | 'nic unbind '*) _swctl_words --run-dir --timeout --help --version --force ;;
		*) _swctl_words --run-dir --timeout --help --version ;;
		esac
		return
	fi
	case ${key:-${COMP_WORDS[COMP_CWORD - 1]}} in
	--run-dir)
		compopt -o dirnames
		return
		;;
	--port)
		_swctl_ports
		return
		;;
	--timeout | --interval | --count | --skip | --time | --ct-state | --cores | --isolated | --idle-us | --sleep-us | --rebalance-s | --port | --queue | --core | --zone) return ;;
	esac
	case $command in
	'') _swctl_words add-port del-port list-ports show add-flow add-flows mod-flows del-flows replace-flows diff-flows dump-flows dump-aggregate dump-tables add-group add-groups mod-group del-groups dump-groups add-meter add-meters mod-meter del-meters dump-meters meter-stats bundle trace dp stats drops pmd ct fdb version doctor nic help completion ;;
	dp) _swctl_words trace show dump-flows ;;
	pmd) _swctl_words show stats set rebalance ;;
	ct) _swctl_words dump flush stats ;;
	fdb) _swctl_words show ;;
	help) _swctl_words add-port del-port list-ports show add-flow add-flows mod-flows del-flows replace-flows diff-flows dump-flows dump-aggregate dump-tables add-group add-groups mod-group del-groups dump-groups add-meter add-meters mod-meter del-meters dump-meters meter-stats bundle trace dp stats drops pmd ct fdb version doctor nic completion ;;
	'help add-port') _swctl_words vhost-user nic virtio-user memif bond null ring dpdk af-xdp af-packet pcap pf-ring tap ;;
	completion) _swctl_words bash ;;
	nic) _swctl_words list bind unbind ;;
	'add-port' | 'add-port '*) _swctl_keys ;;
	'del-port' | 'del-port '*) _swctl_ports ;;
	'add-flow' | 'add-flow '*) _swctl_flow ;;
	'add-flows' | 'add-flows '*) compopt -o default ;;
	'mod-flows' | 'mod-flows '*) _swctl_flow ;;
	'del-flows' | 'del-flows '*) _swctl_flow ;;
	'replace-flows' | 'replace-flows '*) compopt -o default ;;
	'diff-flows' | 'diff-flows '*) compopt -o default ;;
	'dump-flows' | 'dump-flows '*) _swctl_flow ;;
	'dump-aggregate' | 'dump-aggregate '*) _swctl_flow ;;
	'add-group' | 'add-group '*) _swctl_flow ;;
	'add-groups' | 'add-groups '*) compopt -o default ;;
	'mod-group' | 'mod-group '*) _swctl_flow ;;
	'del-groups' | 'del-groups '*) _swctl_flow ;;
	'dump-groups' | 'dump-groups '*) _swctl_flow ;;
	'add-meter' | 'add-meter '*) _swctl_flow ;;
	'add-meters' | 'add-meters '*) compopt -o default ;;
	'mod-meter' | 'mod-meter '*) _swctl_flow ;;
	'del-meters' | 'del-meters '*) _swctl_flow ;;
	'dump-meters' | 'dump-meters '*) _swctl_flow ;;
	'meter-stats' | 'meter-stats '*) _swctl_flow ;;
	'bundle' | 'bundle '*) compopt -o default ;;
	'trace' | 'trace '*) _swctl_trace ;;
	'dp trace' | 'dp trace '*) _swctl_ports ;;
	'stats' | 'stats '*) _swctl_ports ;;
	'drops' | 'drops '*) _swctl_ports ;;
	esac
}

complete -F _swctl swctl
